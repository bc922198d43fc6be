"""Exact match of values: the facts of an answer rather than its wording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from self_evolution.evaluation.metrics.metric import Metric, Pair
from self_evolution.text.script import is_cjk
from self_evolution.text.values import extract_values, stands_in


def known_values(pair: Pair) -> list[str]:
    """`pair.values`, or those extracted from the reference.

    Whether Latin words count as values follows the script of question and reference.
    """
    if pair.values is None:
        return extract_values(pair.reference, cjk=is_cjk(pair.question + pair.reference))
    return [value for value in pair.values if value.strip()]


def foreign_values(pair: Pair, values: Sequence[str]) -> Iterator[str]:
    """Values of the prediction that stand in none of `values`, the reference and the question."""
    known = [pair.reference, pair.question, *values]
    for found in extract_values(pair.prediction, cjk=is_cjk(pair.question + pair.reference)):
        if not any(stands_in(found, text) for text in known):
            yield found


def exact_match(pair: Pair) -> float | None:
    """100 if the prediction states every value and no foreign one, else 0; None without values.

    Repeating the document cannot score, as it states foreign values. An English answer to a
    Chinese question gets 0, as its words count as such.
    """
    values = known_values(pair)
    if not values:
        return None
    if not all(stands_in(value, pair.prediction) for value in values):
        return 0.0
    return 0.0 if next(foreign_values(pair, values), None) else 100.0


EXACT_MATCH = Metric("exact-match", ("values", "foreign:none", "case:lower"), exact_match)
