"""Predictions with their scores: each is computed once, and read from the ledger afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from self_evolution.evaluation.abilities import SUITE
from self_evolution.evaluation.metrics import METRICS, SHORT_ANSWER, Metric
from self_evolution.evaluation.tasks import TASKS, Task
from self_evolution.ledger import Ledger
from self_evolution.records import Item, PredictionScore, Signature


@dataclass(frozen=True, slots=True)
class ScoredPrediction:
    """The text that a model gave for `item`, and its `stored` scores by the metrics' signatures."""

    id: str
    item: Item
    text: str
    stored: Mapping[str, float | None]

    def score(self, metric: str) -> float | None:
        """In percent; None where the metric does not apply.

        A score is computed if none is stored, or only one of the metric with other settings or
        another version of its library.
        """
        signature = _signature(metric, self.item.suite)
        if signature in self.stored:
            return self.stored[signature]
        return marks(metric, self.item, self.text)


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


def scored_predictions(ledger: Ledger, generation: int, task: Task) -> list[ScoredPrediction]:
    """The predictions of a generation or a rival, in the order of the items."""
    return [ScoredPrediction(*row) for row in ledger.evaluations.scores(generation, *task)]


def store_scores(ledger: Ledger, generation: int, task: Task) -> None:
    """Store the scores by all metrics that are not stored yet."""
    known = ledger.evaluations.signatures()
    rows: list[Signature | PredictionScore] = []
    for prediction in scored_predictions(ledger, generation, task):
        for metric in METRICS:
            signature = _signature(metric, task.suite)
            if signature not in prediction.stored:
                if signature not in known:
                    known[signature] = len(known) + 1
                    rows.append(Signature(known[signature], signature))
                score = prediction.score(metric)
                rows.append(PredictionScore(prediction.id, known[signature], score))
    ledger.add(rows)


def store_missing(ledger: Ledger) -> None:
    """Store the scores of predictions that have none: an earlier version did not store them."""
    found = [(generation, Task(*task)) for generation, *task in ledger.evaluations.unscored()]
    for generation, task in sorted(found, key=lambda one: (one[0], list(TASKS).index(one[1]))):
        store_scores(ledger, generation, task)


@cache
def _signature(metric: str, suite: str) -> str:
    return measure(metric, suite).signature()
