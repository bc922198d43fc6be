"""What the report shows of single pairs and single evaluation questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from self_evolution.evaluation.tasks import EXAMS, FORMER, marks
from self_evolution.ledger import Ledger, Source
from self_evolution.records import Item

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

    `source`: where in the documents it comes from, if that is known. `shown`: (path and headings,
    text) of each passage that the search gave the candidate.
    """

    item: Item
    source: Source | None
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
    metric: str
    asked: int
    won: int
    lost: int
    won_examples: list[Change]
    lost_examples: list[Change]


def samples(ledger: Ledger, generations: Sequence[int]) -> list[Samples]:
    """For the first and the last of the generations that have pairs."""
    ends = sorted({generations[0], generations[-1]}) if generations else []
    return [
        Samples(
            generation,
            ledger.pairs.sample_kept(generation, KEPT),
            ledger.pairs.sample_rejected(generation, REJECTED_A_REASON),
        )
        for generation in ends
    ]


def changes(
    ledger: Ledger,
    metrics: Mapping[tuple[str, str], str],
    candidate: int,
    sources: Mapping[str, Source],
) -> list[Changes]:
    """Question by question, per exam that both the base and `candidate` have taken.

    Of the domain with the book closed, and of former abilities; each in its own of `metrics`.
    `sources` by item id.
    """
    if not candidate:
        return []
    exams = [("domain", "closed"), ("domain", "retrieved"), *(e for e in EXAMS if e[0] in FORMER)]
    found = [_changes(ledger, metrics[exam], candidate, *exam, sources) for exam in exams]
    return [one for one in found if one.asked]


def _changes(
    ledger: Ledger,
    metric: str,
    candidate: int,
    suite: str,
    mode: str,
    sources: Mapping[str, Source],
) -> Changes:
    before = {item.id: text for item, text in ledger.evaluations.predictions(0, suite, mode)}
    won: list[Change] = []
    lost: list[Change] = []
    asked = 0
    for item, now in ledger.evaluations.predictions(candidate, suite, mode):
        if item.id not in before:
            continue
        old, new = marks(metric, item, before[item.id]), marks(metric, item, now)
        if old is None or new is None:
            continue
        asked += 1
        if old != new:
            change = Change(item, sources.get(item.id), before[item.id], now, old, new)
            (won if new > old else lost).append(change)
    some = [
        [_with_passages(ledger, candidate, mode, c) for c in _clearest(side)]
        for side in (won, lost)
    ]
    return Changes(suite, mode, metric, asked, len(won), len(lost), *some)


def _with_passages(ledger: Ledger, candidate: int, mode: str, change: Change) -> Change:
    found = ledger.fragments.get(ledger.evaluations.passages_shown(candidate, mode, change.item.id))
    paths = ledger.documents.paths([one.document_id for one in found])
    shown = tuple(
        (" › ".join([path, *one.heading]), one.text) for path, one in zip(paths, found, strict=True)
    )
    return replace(change, shown=shown)


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
