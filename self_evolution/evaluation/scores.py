"""Predictions with their scores: each is computed once, and read from the ledger afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from self_evolution.evaluation.abilities import ABILITIES
from self_evolution.evaluation.metrics import METRICS, SHORT_ANSWER, Metric
from self_evolution.evaluation.tasks import TASKS, Task
from self_evolution.ledger import Ledger
from self_evolution.records import Item, PredictionScore, Signature

ALIKE = 60.0
"""An answer without values counts as right from this token F1 on."""


@dataclass(frozen=True, slots=True)
class ScoredPrediction:
    """The text that a model gave for `item`; `stored` are its scores by the metrics' signatures."""

    id: str
    item: Item
    text: str
    stored: Mapping[str, float | None]
    _computed: dict[str, float | None] = field(default_factory=dict)

    def score(self, metric: str) -> float | None:
        """The score in percent; None where the metric does not apply.

        If no score is stored with today's signature of the metric, it is computed, once.
        """
        signature = _signature(metric, self.item.suite)
        if signature in self.stored:
            return self.stored[signature]
        if signature not in self._computed:
            self._computed[signature] = score_answer(metric, self.item, self.text)
        return self._computed[signature]


def measure(metric: str, suite: str) -> Metric:
    """The metric for an item: for the base's own questions, exact match is that of short
    answers."""
    return SHORT_ANSWER if (suite, metric) == (ABILITIES, SHORT_ANSWER.name) else METRICS[metric]


def is_share(metric: str) -> bool:
    """Whether a mean is a share of the questions, each of which scores 0 or 100."""
    return METRICS[metric].share


def score_answer(metric: str, item: Item, text: str) -> float | None:
    """The score of an answer to `item`, in percent; None where the metric does not apply."""
    return measure(metric, item.suite).score(
        text, item.reference, question=item.question, values=item.reference_values
    )


def is_right(item: Item, text: str) -> bool:
    """Whether an answer is right: it states the values of the reference, or, where that has none,
    much of its words."""
    score = score_answer("exact-match", item, text)
    if score is None:
        return (score_answer("token-f1", item, text) or 0.0) >= ALIKE
    return score == 100.0


def scored_predictions(ledger: Ledger, generation: int, task: Task) -> list[ScoredPrediction]:
    """The predictions of a generation or a rival, in the order of the items."""
    return [ScoredPrediction(*row) for row in ledger.evaluations.scores(generation, *task)]


def new_scores(
    ledger: Ledger, predictions: Iterable[ScoredPrediction]
) -> Iterator[Signature | PredictionScore]:
    """The rows to add so that the scores by all metrics are stored."""
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
    """Store the scores of predictions that have none, because an earlier version did not store
    them."""
    found = [(generation, Task(*task)) for generation, *task in ledger.evaluations.unscored()]
    for generation, task in sorted(found, key=lambda one: (one[0], list(TASKS).index(one[1]))):
        ledger.add(new_scores(ledger, scored_predictions(ledger, generation, task)))


@cache
def _signature(metric: str, suite: str) -> str:
    return measure(metric, suite).signature()
