"""Coverage: the share of the values in the documents that kept answers state. Training can teach
only these."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from self_evolution.evaluation.statistics import Interval, bootstrap
from self_evolution.ledger import Ledger
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
class Coverage:
    """Values (numbers, codes, identifiers) of `fragments`, and those that kept answers state.

    `covered` has the number of values for each generation, with the pairs up to it. `share` is
    that of the last one in percent; the interval draws documents. `total` are all fragments that
    may be asked about: if there are more than `fragments`, these are a random part of them.
    """

    fragments: int
    total: int
    values: int
    covered: dict[int, int]
    share: Interval
    examples: tuple[Uncovered, ...]


def coverage(ledger: Ledger, resamples: int, most: int = MOST_FRAGMENTS) -> Coverage | None:
    """Compute the coverage. None before anything was asked, or if the fragments state no value."""
    drawn = ledger.fragments.drawn(most)
    answers: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for id, generation, answer in ledger.pairs.kept_answers([one.id for one in drawn]):
        answers[id].append((generation, answer))
    asked = sorted({generation for some in answers.values() for generation, _ in some})
    first: Counter[int] = Counter()
    found: list[float] = []
    clusters: list[str] = []
    examples = []
    for fragment in drawn:
        missing = []
        for value in extract_values(fragment.askable):
            generations = [
                generation
                for generation, answer in answers[fragment.id]
                if stands_in(value, answer, fragment.askable)
            ]
            if generations:
                first[min(generations)] += 1
            else:
                missing.append(value)
            found.append(100.0 if generations else 0.0)
            clusters.append(fragment.document_id)
        if missing:
            examples.append((fragment, tuple(missing)))
    if not found or not asked:
        return None
    covered = {last: sum(n for g, n in first.items() if g <= last) for last in asked}
    examples.sort(key=lambda one: -len(one[1]))
    paths = {row.document.id: row.path for row in ledger.documents.rows()}
    return Coverage(
        len(drawn),
        ledger.fragments.count_for_training(),
        len(found),
        covered,
        bootstrap(found, clusters, resamples=resamples),
        tuple(
            Uncovered(paths[one.document_id], one.heading, one.page, values)
            for one, values in examples[:EXAMPLES]
        ),
    )
