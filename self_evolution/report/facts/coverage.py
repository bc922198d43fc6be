"""Coverage: the shares of the values and the statements in the documents that kept pairs state.
Training can teach only these."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from self_evolution.config import Config
from self_evolution.coverage.stated import Coverable
from self_evolution.errors import UserError
from self_evolution.evaluation.statistics import Interval, bootstrap
from self_evolution.ledger import Ledger
from self_evolution.prompts import Prompts
from self_evolution.text.values import extract_values, stands_in

MOST_FRAGMENTS = 1000
"""Coverage is computed on this many fragments at most, so that the report of a large run is quick.
They are drawn by their ids, which are digests, so the draw has nothing to do with their content."""

EXAMPLES = 20
"""How many of the fragments with values that no kept answer states are shown in the report."""


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A fragment and the values in it that no answer of a kept pair states."""

    path: str
    heading: tuple[str, ...]
    page: int | None
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stated:
    """How many of `total` statements kept pairs state, for each generation with the pairs up to it;
    and the share of the last one in percent, with an interval that draws documents."""

    total: int
    covered: dict[int, int]
    share: Interval


@dataclass(frozen=True, slots=True)
class Coverage:
    """Values (numbers, codes, identifiers) of `fragments`, and those that kept answers state.

    `covered` and `share` are as those of `Stated`. `total` are all fragments that may be asked
    about: if there are more than `fragments`, these are a random part of them. `statements` is None
    if there are none.
    """

    fragments: int
    total: int
    values: int
    covered: dict[int, int]
    share: Interval
    statements: Stated | None
    examples: tuple[Uncovered, ...]


def coverage(config: Config, ledger: Ledger, most: int = MOST_FRAGMENTS) -> Coverage | None:
    """Compute the coverage. None before anything was asked, or if the fragments state no value."""
    drawn = ledger.fragments.drawn(most)
    pairs: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for id, generation, question, answer in ledger.pairs.kept_about([one.id for one in drawn]):
        pairs[id].append((generation, question, answer))
    prompts = _prompts(config)
    values, statements = _Count(), _Count()
    examples = []
    for fragment in drawn:
        mine, missing = pairs[fragment.id], []
        for value in extract_values(fragment.askable):
            stating = [
                generation
                for generation, _, answer in mine
                if stands_in(value, answer, fragment.askable)
            ]
            values.add(fragment.document_id, stating)
            if not stating:
                missing.append(value)
        if missing:
            examples.append((fragment, tuple(missing)))
        kinds = prompts.profile(fragment.language).statements if prompts else ()
        coverable = Coverable(fragment, kinds)
        stated = [(generation, coverable.stated(*pair)) for generation, *pair in mine]
        for number in range(len(coverable.statements)):
            stating = [generation for generation, some in stated if number in some]
            statements.add(fragment.document_id, stating)
    asked = sorted({generation for some in pairs.values() for generation, *_ in some})
    if not values.found or not asked:
        return None
    examples.sort(key=lambda one: -len(one[1]))
    del examples[EXAMPLES:]
    paths = ledger.documents.places(one.document_id for one, _ in examples)
    resamples = config.evaluate.resamples
    stated_values = values.stated(asked, resamples)
    return Coverage(
        len(drawn),
        ledger.fragments.count_for_training(),
        stated_values.total,
        stated_values.covered,
        stated_values.share,
        statements.stated(asked, resamples) if statements.found else None,
        tuple(
            Uncovered(paths[one.document_id], one.heading, one.page, values)
            for one, values in examples
        ),
    )


class _Count:
    """Counts things by the generation that stated them first."""

    def __init__(self) -> None:
        self.found: list[float] = []
        self._clusters: list[str] = []
        self._first: Counter[int] = Counter()

    def add(self, document: str, stating: Collection[int]) -> None:
        """One more thing of a document, and the generations with a pair that states it."""
        if stating:
            self._first[min(stating)] += 1
        self.found.append(100.0 if stating else 0.0)
        self._clusters.append(document)

    def stated(self, generations: Sequence[int], resamples: int) -> Stated:
        return Stated(
            len(self.found),
            {last: sum(n for g, n in self._first.items() if g <= last) for last in generations},
            bootstrap(self.found, self._clusters, resamples=resamples),
        )


def _prompts(config: Config) -> Prompts | None:
    """The prompt profiles; None if the file of one is no longer there. A report can be made without
    it; then statements without a value are not counted."""
    try:
        return Prompts(config.domain)
    except UserError:
        return None
