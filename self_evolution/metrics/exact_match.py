"""Exact match of values: the facts of an answer rather than its wording."""

from __future__ import annotations

from self_evolution.metrics.metric import Metric, Pair
from self_evolution.metrics.script import is_cjk
from self_evolution.metrics.values import extract_values, stands_in


def exact_match(pair: Pair) -> float | None:
    """100 if the prediction states every value and no foreign one, else 0; None without values.

    The values are `pair.values`, or those extracted from the reference. A foreign value is one
    extracted from the prediction that stands in none of the values, the reference and the
    question: repeating the document cannot score. Whether Latin words count as values follows
    the script of question and reference, so an English answer to a Chinese question gets 0.
    """
    cjk = is_cjk(pair.question + pair.reference)
    if pair.values is None:
        values = extract_values(pair.reference, cjk=cjk)
    else:
        values = [value for value in pair.values if value.strip()]
    if not values:
        return None
    if not all(stands_in(value, pair.prediction) for value in values):
        return 0.0
    known = [pair.reference, pair.question, *values]
    for found in extract_values(pair.prediction, cjk=cjk):
        if not any(stands_in(found, text) for text in known):
            return 0.0
    return 100.0


EXACT_MATCH = Metric("exact-match", ("values", "foreign:none", "case:lower"), exact_match)
