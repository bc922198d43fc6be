"""What the report says of leaks: pairs that were stopped, and scores far from what was trained."""

from __future__ import annotations

from dataclasses import dataclass

from self_evolution.ledger import Ledger
from self_evolution.records import Item
from self_evolution.stages.evaluate import marks
from self_evolution.statistics import Interval, bootstrap


@dataclass(frozen=True, slots=True)
class Leaks:
    """`stopped` pairs of all generations; of the closed-book domain questions, `near` ones resemble

    a question that the candidate was trained on. Scores of all, of those, and of the others.
    """

    stopped: int
    near: int
    items: int
    all: Interval | None
    near_score: Interval | None
    far_score: Interval | None


def leaks(ledger: Ledger, metric: str, candidate: int) -> Leaks:
    stopped = sum(n for _, reason, n in ledger.reasons() if reason == "in_evaluation")
    near = ledger.near_items(candidate)
    answers = ledger.predictions(candidate, "domain", "closed")
    scored = [(item, marks(metric, item, text)) for item, text in answers]
    known = [(item, score) for item, score in scored if score is not None]
    return Leaks(
        stopped,
        sum(item.id in near for item, _ in answers),
        len(answers),
        _mean(known),
        _mean([one for one in known if one[0].id in near]),
        _mean([one for one in known if one[0].id not in near]),
    )


def _mean(scored: list[tuple[Item, float]]) -> Interval | None:
    if not scored:
        return None
    return bootstrap([score for _, score in scored], [item.cluster for item, _ in scored])
