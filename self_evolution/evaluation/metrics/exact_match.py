"""Exact match of values: the facts of an answer rather than its wording."""

from __future__ import annotations

from collections.abc import Sequence

from self_evolution.evaluation.metrics.metric import Graded, Metric
from self_evolution.text.script import is_cjk
from self_evolution.text.token import Token
from self_evolution.text.values import extract_values, found_in, parsed, stands_as, stated


def known_values(pair: Graded) -> list[str]:
    """`pair.values`, or those extracted from the reference.

    Whether Latin words count as values follows the script of question and reference.
    """
    if pair.values is None:
        return extract_values(pair.reference, cjk=is_cjk(pair.about), about=pair.about)
    return [value for value in pair.values if value.strip()]


def states_foreign_values(pair: Graded) -> bool:
    """Whether the prediction states a value that neither values, reference nor question have."""
    about = pair.about
    return _states_foreign(pair, _wanted(pair, about), about)


def _wanted(pair: Graded, about: str) -> Sequence[Token]:
    if pair.values is None:
        return stated(pair.reference, is_cjk(about), about)
    return [value for text in pair.values if (value := parsed(text, about))]


def _states_foreign(pair: Graded, wanted: Sequence[Token], about: str) -> bool:
    for value in stated(pair.prediction, is_cjk(about), about):
        if any(stands_as(value, one) for one in wanted):
            continue
        texts = (pair.reference, pair.question, *(pair.values or ()))
        if not any(found_in(value, text, about) for text in texts):
            return True
    return False


def exact_match(pair: Graded) -> float | None:
    """100 if the prediction states every value and no foreign one, else 0; None without values.

    Repeating the document scores 0, because the document states foreign values. An English answer
    to a Chinese question scores 0, because its words count as foreign values.
    """
    about = pair.about
    wanted = _wanted(pair, about)
    if not wanted:
        return None
    if not all(found_in(value, pair.prediction, about) for value in wanted):
        return 0.0
    return 0.0 if _states_foreign(pair, wanted, about) else 100.0


EXACT_MATCH = Metric(
    "exact-match",
    ("values", "foreign:none", "case:lower"),
    exact_match,
    revision=4,
    share=True,
    charted=True,
)
