"""Metrics of answers against references. To add one: a `Metric` in a file, and a line here."""

from self_evolution.evaluation.metrics.bleu import BLEU_4
from self_evolution.evaluation.metrics.certainty import ABSTENTION, CONFIDENT_ERROR
from self_evolution.evaluation.metrics.exact_match import EXACT_MATCH
from self_evolution.evaluation.metrics.length import LENGTH_RATIO
from self_evolution.evaluation.metrics.metric import Graded, Metric
from self_evolution.evaluation.metrics.nuggets import NUGGET_RECALL
from self_evolution.evaluation.metrics.rouge import ROUGE_1, ROUGE_2, ROUGE_L
from self_evolution.evaluation.metrics.sacre import CHRF, SACREBLEU
from self_evolution.evaluation.metrics.short_answer import SHORT_ANSWER
from self_evolution.evaluation.metrics.token_f1 import TOKEN_F1
from self_evolution.text.values import extract_values, stands_in

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        EXACT_MATCH,
        NUGGET_RECALL,
        CONFIDENT_ERROR,
        ABSTENTION,
        TOKEN_F1,
        BLEU_4,
        ROUGE_1,
        ROUGE_2,
        ROUGE_L,
        SACREBLEU,
        CHRF,
        LENGTH_RATIO,
    )
}

CHARTED = tuple(name for name, metric in METRICS.items() if metric.charted)
"""The metrics of which report and ablations draw a chart, also if another one decides."""

__all__ = [
    "CHARTED",
    "METRICS",
    "SHORT_ANSWER",
    "Graded",
    "Metric",
    "extract_values",
    "stands_in",
]
