"""Predictions with their scores: each is computed once, and read from the ledger afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from self_evolution.evaluation.metrics import METRICS
from self_evolution.evaluation.tasks import EXAMS, marks, measure
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


def scored_predictions(
    ledger: Ledger, generation: int, suite: str, mode: str
) -> list[ScoredPrediction]:
    """The predictions of a generation or a rival, in the order of the items."""
    found = ledger.evaluations.scores(generation, suite, mode)
    return [ScoredPrediction(*row) for row in found]


def store_scores(ledger: Ledger, generation: int, suite: str, mode: str) -> None:
    """Store the scores by all metrics that are not stored yet."""
    known = ledger.evaluations.signatures()
    rows: list[Signature | PredictionScore] = []
    for prediction in scored_predictions(ledger, generation, suite, mode):
        for metric in METRICS:
            signature = _signature(metric, suite)
            if signature not in prediction.stored:
                if signature not in known:
                    known[signature] = len(known) + 1
                    rows.append(Signature(known[signature], signature))
                score = prediction.score(metric)
                rows.append(PredictionScore(prediction.id, known[signature], score))
    ledger.add(rows)


def store_missing(ledger: Ledger) -> None:
    """Store the scores of predictions that have none: an earlier version did not store them."""
    exams = ledger.evaluations.unscored()
    for generation, suite, mode in sorted(exams, key=lambda one: (one[0], EXAMS.index(one[1:]))):
        store_scores(ledger, generation, suite, mode)


@cache
def _signature(metric: str, suite: str) -> str:
    return measure(metric, suite).signature()
