"""Scores of answers: what a metric gives each of them, and how far two models are apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from self_evolution.config import Config
from self_evolution.evaluation.abilities import SUITE
from self_evolution.evaluation.metrics import METRICS, SHORT_ANSWER, Metric
from self_evolution.evaluation.statistics import PairedDifference, paired
from self_evolution.evaluation.tasks import Task
from self_evolution.ledger import Ledger
from self_evolution.records import Item, seed_of


class Scored(NamedTuple):
    """An answer to an evaluation question, with its score in percent."""

    item: Item
    text: str
    score: float


def measure(metric: str, suite: str) -> Metric:
    """Exact match of the base's own questions is that of short answers, worded as one likes."""
    return SHORT_ANSWER if (suite, metric) == (SUITE, SHORT_ANSWER.name) else METRICS[metric]


def is_share(metric: str) -> bool:
    """Whether a mean is told as a share of the questions, each of which scores 0 or 100."""
    return metric == "exact-match"


def marks(metric: str, item: Item, text: str) -> float | None:
    """The score of an answer to `item`, in percent; None where the metric does not apply."""
    return measure(metric, item.suite).score(
        text, item.reference, question=item.question, values=item.reference_values
    )


def scored(ledger: Ledger, generation: int, task: Task, metric: str) -> dict[str, Scored]:
    """{item id: the answer of a generation} for the items that the metric applies to, in order."""
    found = {}
    for item, text in ledger.evaluations.predictions(generation, *task):
        if (score := marks(metric, item, text)) is not None:
            found[item.id] = Scored(item, text, score)
    return found


def both(before: Mapping[str, Scored], after: Mapping[str, Scored]) -> list[tuple[Scored, Scored]]:
    """The answers of two models to each item that both have, in the order of `before`."""
    return [(one, after[id]) for id, one in before.items() if id in after]


def difference(
    settings: Config, pairs: Sequence[tuple[Scored, Scored]], *name: str
) -> PairedDifference:
    """How far the second answers are above the first; whole clusters of items are drawn.

    The seed follows from the run's and `name`. Raises ValueError for no pairs.
    """
    return paired(
        [before.score for before, _ in pairs],
        [after.score for _, after in pairs],
        [before.item.cluster for before, _ in pairs],
        resamples=settings.evaluate.resamples,
        seed=seed_of(settings.seed, "paired", *name),
    )
