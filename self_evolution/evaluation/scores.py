"""Predictions with their scores: each is computed once, and read from the ledger afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from self_evolution.evaluation.metrics import METRICS
from self_evolution.evaluation.tasks import EXAMS, marks, measure
from self_evolution.ledger import Ledger
from self_evolution.records import Item, PredictionScore, Signature


@dataclass(frozen=True, slots=True)
class ScoredPrediction:
    """The text that a model gave for `item`; `stored` are scores by the metrics' signatures."""

    id: str
    item: Item
    text: str
    stored: Mapping[str, float | None]
    _computed: dict[str, float | None] = field(default_factory=dict)

    def score(self, metric: str) -> float | None:
        """In percent; None where the metric does not apply.

        A score that is not stored with today's signature of the metric is computed, once.
        """
        signature = _signature(metric, self.item.suite)
        if signature in self.stored:
            return self.stored[signature]
        if signature not in self._computed:
            self._computed[signature] = marks(metric, self.item, self.text)
        return self._computed[signature]


def scored_predictions(
    ledger: Ledger, generation: int, suite: str, mode: str
) -> list[ScoredPrediction]:
    """The predictions of a generation or a rival in the order of the items."""
    found = ledger.evaluations.scores(generation, suite, mode)
    return [ScoredPrediction(*row) for row in found]


def new_scores(
    ledger: Ledger, predictions: Iterable[ScoredPrediction]
) -> Iterator[Signature | PredictionScore]:
    """The rows to add, so that the scores by all metrics are stored."""
    signatures = ledger.evaluations.signatures()
    for prediction in predictions:
        for metric in METRICS:
            signature = _signature(metric, prediction.item.suite)
            if signature not in prediction.stored:
                if signature not in signatures:
                    signatures[signature] = len(signatures) + 1
                    yield Signature(signatures[signature], signature)
                score = prediction.score(metric)
                yield PredictionScore(prediction.id, signatures[signature], score)


def store_missing(ledger: Ledger) -> None:
    """Store the scores of predictions that have none: an earlier version did not store them."""
    exams = ledger.evaluations.unscored()
    for exam in sorted(exams, key=lambda one: (one[0], EXAMS.index(one[1:]))):
        ledger.add(new_scores(ledger, scored_predictions(ledger, *exam)))


@cache
def _signature(metric: str, suite: str) -> str:
    return measure(metric, suite).signature()
