"""A score with and without some of its questions, those that something is to be said against."""

from __future__ import annotations

from dataclasses import dataclass

from self_evolution.evaluation.statistics import Interval, bootstrap
from self_evolution.evaluation.tasks import marks
from self_evolution.ledger import Ledger
from self_evolution.records import Item


@dataclass(frozen=True, slots=True)
class Apart:
    """Of the `items` closed-book domain questions that were answered, `some` are set apart.

    Scores of all, of those, and of the others; None where the metric applies to none of them.
    """

    some: int
    items: int
    all: Interval | None
    some_score: Interval | None
    other_score: Interval | None


def apart(ledger: Ledger, metric: str, generation: int, some: set[str]) -> Apart:
    """`some` are ids of items."""
    answers = ledger.evaluations.predictions(generation, "domain", "closed")
    scored = [(item, marks(metric, item, text)) for item, text in answers]
    known = [(item, score) for item, score in scored if score is not None]
    return Apart(
        sum(item.id in some for item, _ in answers),
        len(answers),
        _mean(known),
        _mean([one for one in known if one[0].id in some]),
        _mean([one for one in known if one[0].id not in some]),
    )


def _mean(scored: list[tuple[Item, float]]) -> Interval | None:
    if not scored:
        return None
    return bootstrap([score for _, score in scored], [item.cluster for item, _ in scored])
