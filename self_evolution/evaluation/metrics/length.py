"""The length of an answer relative to its reference."""

from __future__ import annotations

from self_evolution.evaluation.metrics.metric import Graded, Metric
from self_evolution.evaluation.metrics.token_f1 import tokens


def length_ratio(pair: Graded) -> float | None:
    """Tokens of the prediction for each hundred tokens of the reference; None if the reference has
    none."""
    expected = len(tokens(pair.reference))
    return 100.0 * len(tokens(pair.prediction)) / expected if expected else None


LENGTH_RATIO = Metric("length-ratio", ("words+cjk-chars",), length_ratio, revision=2, aim="even")
