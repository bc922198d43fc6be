"""The difference of two models on the questions that both have answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from self_evolution.config import Config
from self_evolution.evaluation.scores import scored_predictions
from self_evolution.evaluation.statistics import PairedDifference, paired
from self_evolution.evaluation.tasks import Task
from self_evolution.ledger import Ledger
from self_evolution.records import Item, seed_of


class ScoredAnswer(NamedTuple):
    """An answer to a test question, with its score in percent."""

    item: Item
    text: str
    score: float


def scored(ledger: Ledger, generation: int, task: Task, metric: str) -> dict[str, ScoredAnswer]:
    """{item id: the answer of a generation} for the items that the metric applies to, in order."""
    found = {}
    for row in scored_predictions(ledger, generation, task):
        if (score := row.score(metric)) is not None:
            found[row.item.id] = ScoredAnswer(row.item, row.text, score)
    return found


def both(
    before: Mapping[str, ScoredAnswer], after: Mapping[str, ScoredAnswer]
) -> list[tuple[ScoredAnswer, ScoredAnswer]]:
    """The answers of two models to each item that both have, in the order of `before`."""
    return [(one, after[id]) for id, one in before.items() if id in after]


def difference(
    settings: Config, pairs: Sequence[tuple[ScoredAnswer, ScoredAnswer]], *name: str
) -> PairedDifference:
    """Return by how much the second answers score above the first; whole clusters are resampled.

    The seed follows from the run's seed and `name`. Raises ValueError for no pairs.
    """
    return paired(
        [before.score for before, _ in pairs],
        [after.score for _, after in pairs],
        [before.item.cluster for before, _ in pairs],
        resamples=settings.evaluate.resamples,
        seed=seed_of(settings.seed, "paired", *name),
    )
