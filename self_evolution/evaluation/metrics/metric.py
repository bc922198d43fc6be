"""The type of a metric: a name, a signature that fixes its settings, and a score for one pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Literal, NamedTuple

_version = cache(metadata.version)


class Graded(NamedTuple):
    """A prediction with its reference; `values` are the values of the reference, if they are
    known."""

    prediction: str
    reference: str
    question: str = ""
    values: Sequence[str] | None = None

    @property
    def about(self) -> str:
        """Question and reference; their language is the one in which the prediction's numbers are
        read."""
        return f"{self.question}\n{self.reference}"


@dataclass(frozen=True)
class Metric:
    """An entry of `METRICS`.

    `settings` and `libraries` name whatever can change a score; `revision` rises when our own
    code changes one. `compute` maps a pair to percent, 0..100, or None where it does not apply.
    `aim` says what is good: a high score, a low one, or one near 100 (`even`), which alone may
    be above 100. `share`: every answer scores 0 or 100, so a mean is a share of the questions.
    `charted`: report and ablations draw a chart of it also if another metric decides.
    """

    name: str
    settings: tuple[str, ...]
    compute: Callable[[Graded], float | None]
    libraries: tuple[str, ...] = ()
    revision: int = 1
    aim: Literal["high", "low", "even"] = "high"
    share: bool = False
    charted: bool = False

    def signature(self) -> str:
        """Name, settings, library versions and revision, in the manner of sacrebleu (Post 2018).

        Two scores are comparable only if their signatures are equal.
        """
        versions = [f"{library}:{_version(library)}" for library in self.libraries]
        return "|".join([self.name, *self.settings, *versions, f"v{self.revision}"])

    def score(
        self,
        prediction: str,
        reference: str,
        *,
        question: str = "",
        values: Sequence[str] | None = None,
    ) -> float | None:
        """Percent; None where the metric does not apply (a reference without values)."""
        return self.compute(Graded(prediction, reference, question, values))
