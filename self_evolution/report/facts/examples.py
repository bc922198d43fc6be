"""Examples: training pairs, and questions that were won or lost since the base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from self_evolution.evaluation.differences import ScoredAnswer, both, scored
from self_evolution.evaluation.tasks import FORMER, MAIN, TASKS, Task
from self_evolution.ledger import Ledger, Source

EXAMPLES = 5
"""The number of examples shown of better answers, and of worse ones."""

KEPT, REJECTED_A_REASON = 8, 2
"""The number of pairs shown of a generation: kept ones, and rejected ones for each reason."""


class Passage(NamedTuple):
    """A text that a search gave the compared generation, and its source."""

    path: str
    heading: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A question before and after; `source` is its place in the documents, if known."""

    base: ScoredAnswer
    now: ScoredAnswer
    source: Source | None
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class WonAndLost:
    """Counts of the `asked` questions that a generation answers better or worse than the base."""

    task: Task
    metric: str
    generation: int
    asked: int
    won: int
    lost: int
    won_examples: tuple[Changed, ...]
    lost_examples: tuple[Changed, ...]


def won_and_lost(
    ledger: Ledger, metrics: Mapping[Task, str], compared: int, sources: Mapping[str, Source]
) -> list[WonAndLost]:
    """Yield what was won and lost in the domain, with the book closed and with search, and in
    former abilities, each in its metric. `sources` are by item id. Nothing is yielded if only the
    base is evaluated.
    """
    tasks = (MAIN, Task("domain", "retrieved"), *(task for task in TASKS if task.suite in FORMER))
    found = [
        _compared(ledger, task, metrics[task], compared, sources) for task in tasks if compared
    ]
    return [one for one in found if one.asked]


def _compared(
    ledger: Ledger, task: Task, metric: str, compared: int, sources: Mapping[str, Source]
) -> WonAndLost:
    pairs = both(scored(ledger, 0, task, metric), scored(ledger, compared, task, metric))
    won = [(base, now) for base, now in pairs if now.score > base.score]
    lost = [(base, now) for base, now in pairs if now.score < base.score]
    examples = (
        tuple(
            Changed(base, now, sources.get(now.item.id), _passages(ledger, task, compared, now))
            for base, now in clearest(some)
        )
        for some in (won, lost)
    )
    return WonAndLost(task, metric, compared, len(pairs), len(won), len(lost), *examples)


def _passages(ledger: Ledger, task: Task, compared: int, now: ScoredAnswer) -> tuple[Passage, ...]:
    found = ledger.fragments.get(
        ledger.evaluations.passages_shown(compared, task.mode, now.item.id)
    )
    paths = ledger.documents.paths([one.document_id for one in found])
    return tuple(
        Passage(path, one.heading, one.text) for path, one in zip(paths, found, strict=True)
    )


def clearest(
    found: list[tuple[ScoredAnswer, ScoredAnswer]],
) -> list[tuple[ScoredAnswer, ScoredAnswer]]:
    """The pairs with the largest differences; equal ones are taken evenly from the whole set."""
    size = [abs(now.score - base.score) for base, now in found]
    edge = min(sorted(size, reverse=True)[:EXAMPLES], default=0.0)
    above = [one for one, gap in zip(found, size, strict=True) if gap > edge]
    equal = [one for one, gap in zip(found, size, strict=True) if gap == edge]
    limit = EXAMPLES - len(above)
    step = max(1.0, (len(equal) - 1) / max(1, limit - 1))
    return above + [equal[round(i * step)] for i in range(limit) if round(i * step) < len(equal)]


@dataclass(frozen=True, slots=True)
class Samples:
    """Pairs of a generation: kept ones from the hardest to the easiest, rejected ones by reason."""

    generation: int
    kept: list[dict[str, Any]]
    rejected: list[dict[str, Any]]


def samples(ledger: Ledger, generations: Sequence[int]) -> list[Samples]:
    """Return examples of the first and the last generation with pairs."""
    return [
        Samples(
            generation,
            ledger.pairs.sample_kept(generation, KEPT),
            ledger.pairs.sample_rejected(generation, REJECTED_A_REASON),
        )
        for generation in sorted({*generations[:1], *generations[-1:]})
    ]
