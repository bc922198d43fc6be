"""What the report shows of single pairs and single evaluation questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from self_evolution.ledger import Ledger
from self_evolution.metrics import METRICS
from self_evolution.records import Item
from self_evolution.report.headline import EXAMS
from self_evolution.stages.evaluate import FORMER

KEPT, REJECTED_A_REASON, ANSWERS = 8, 2, 5
Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Samples:
    """Pairs of a generation: kept ones from the hardest to the easiest, rejected ones by reason."""

    generation: int
    kept: list[dict[str, Any]]
    rejected: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """An evaluation question that base and candidate answered with different success.

    `shown`: (path and headings, text) of each passage that the search gave the candidate.
    """

    item: Item
    base: str
    now: str
    base_score: float
    now_score: float
    shown: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """Of `asked` questions, how many a generation answers better or worse than the base."""

    suite: str
    mode: str
    asked: int
    won: int
    lost: int
    won_examples: list[Change]
    lost_examples: list[Change]

    @property
    def title(self) -> str:
        return EXAMS[self.suite, self.mode]


def samples(ledger: Ledger, generations: Sequence[int]) -> list[Samples]:
    """For the first and the last of the generations that have pairs."""
    ends = sorted({generations[0], generations[-1]}) if generations else []
    return [
        Samples(
            generation,
            ledger.sample_pairs(generation, KEPT),
            ledger.sample_rejected(generation, REJECTED_A_REASON),
        )
        for generation in ends
    ]


def changes(ledger: Ledger, metric: str, candidate: int) -> list[Changes]:
    """Question by question, per exam that both the base and `candidate` have taken."""
    if metric not in METRICS or not candidate:
        return []
    exams = [("domain", "closed"), ("domain", "retrieved"), *(e for e in EXAMS if e[0] in FORMER)]
    found = [_changes(ledger, metric, candidate, *exam) for exam in exams]
    return [one for one in found if one.asked]


def _changes(ledger: Ledger, metric: str, candidate: int, suite: str, mode: str) -> Changes:
    before = {item.id: text for item, text in ledger.predictions(0, suite, mode)}
    won: list[Change] = []
    lost: list[Change] = []
    asked = 0
    for item, now in ledger.predictions(candidate, suite, mode):
        if item.id not in before:
            continue
        old, new = _score(metric, item, before[item.id]), _score(metric, item, now)
        if old is None or new is None:
            continue
        asked += 1
        if old != new:
            (won if new > old else lost).append(Change(item, before[item.id], now, old, new))
    some = [
        [_with_sources(ledger, candidate, mode, c) for c in _clearest(side)] for side in (won, lost)
    ]
    return Changes(suite, mode, asked, len(won), len(lost), *some)


def _with_sources(ledger: Ledger, candidate: int, mode: str, change: Change) -> Change:
    found = ledger.fragments(ledger.sources(candidate, mode, change.item.id))
    paths = ledger.paths([one.document_id for one in found])
    shown = tuple(
        (" › ".join([path, *one.heading]), one.text) for path, one in zip(paths, found, strict=True)
    )
    return replace(change, shown=shown)


def _score(metric: str, item: Item, text: str) -> float | None:
    return METRICS[metric].score(
        text, item.reference, question=item.question, values=item.reference_values
    )


def _clearest(found: list[Change]) -> list[Change]:
    """The greatest differences; among equal ones, spread over the set."""
    if not found:
        return []
    size = [abs(one.now_score - one.base_score) for one in found]
    edge = sorted(size, reverse=True)[: len(found)][min(ANSWERS, len(found)) - 1]
    above = [one for one, gap in zip(found, size, strict=True) if gap > edge]
    return above + _spread(
        [one for one, gap in zip(found, size, strict=True) if gap == edge], ANSWERS - len(above)
    )


def _spread(things: list[Thing], limit: int) -> list[Thing]:
    step = max(1.0, (len(things) - 1) / max(1, limit - 1))
    return [things[round(i * step)] for i in range(limit) if round(i * step) < len(things)]
