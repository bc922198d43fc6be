"""Comparisons of two models on the same items, many of them at once, and the words for them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeVar

from self_evolution.evaluation.statistics.intervals import RESAMPLES, Interval, distributions
from self_evolution.records import Difference, Evaluation
from self_evolution.text.counts import rounded

Key = TypeVar("Key")

Direction = Literal["higher", "lower", "no difference shown"]
NO_DIFFERENCE: Final = "no difference shown"
"""The words for a difference whose interval contains 0."""

CHANGE = (-100.0, 100.0)
"""The range of a difference of two scores."""


class PairedDifference(NamedTuple):
    """The mean difference of two models on the same n items, in points, with its interval.

    `p` is the two-sided p-value of the hypothesis of no difference; `p_holm` is the value after
    Holm's correction, if several differences are tested together.
    """

    mean: float
    low: float
    high: float
    n: int
    p: float
    p_holm: float | None = None

    @classmethod
    def of(cls, row: Difference) -> PairedDifference:
        return cls(row.mean, row.low, row.high, row.n, row.p)

    @property
    def p_adjusted(self) -> float:
        return self.p if self.p_holm is None else self.p_holm

    @property
    def shown(self) -> bool:
        """Whether the interval leaves 0 out, and p after Holm (if there is one) is below 5%."""
        beyond = self.low > 0 or self.high < 0
        return beyond and (self.p_holm is None or self.p_holm < 0.05)

    @property
    def direction(self) -> Direction:
        if not self.shown:
            return NO_DIFFERENCE
        return "higher" if self.mean > 0 else "lower"


def paired(
    before: Sequence[float],
    after: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> PairedDifference:
    """`after` minus `before`, scores of the same items in the same order, in points."""
    if len(before) != len(after):
        raise ValueError(f"paired: {len(before)} scores against {len(after)}")
    points = [new - old for old, new in zip(before, after, strict=True)]
    (one,) = distributions(
        [points], clusters, resamples=resamples, seed=seed, bounds=CHANGE, idle=0.0
    )
    return PairedDifference(*one.interval(level), one.p_value())


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the given order (Holm 1979).

    If all comparisons with an adjusted p below 5% are called different, the chance of even one
    wrong call is at most 5%.
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def adjusted(differences: Mapping[Key, PairedDifference]) -> dict[Key, PairedDifference]:
    """The differences with their p-values adjusted (Holm) for one another."""
    p_values = holm([one.p for one in differences.values()])
    return {
        key: one._replace(p_holm=p)
        for (key, one), p in zip(differences.items(), p_values, strict=True)
    }


def format_mean(row: Evaluation | Interval, unit: str = "", apart: str = " ") -> str:
    """`83.0 [78–88]`, with `unit` after the mean, and `apart` before the interval."""
    return f"{row.mean:.1f}{unit}{apart}[{rounded(row.low)}–{rounded(row.high)}]"


def format_difference(row: PairedDifference, unit: str = "") -> str:
    """`+1.2 [-0.3 to +2.7]`, with `unit` after the mean."""
    return f"{row.mean:+.1f}{unit} [{row.low:+.1f} to {row.high:+.1f}]"


def format_p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
