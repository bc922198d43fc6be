"""Exact match for questions that ask for one number, word or name: the wording is free.

"7", "7 days", "A week has 7 days." and "seven" say the same. A unit that only one side has is
neither missing nor a value of its own; where both have one, they must agree. Numbers other than
those of reference and question are foreign, in words too: a list of numbers scores nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from self_evolution.evaluation.metrics.exact_match import exact_match, known_values
from self_evolution.evaluation.metrics.metric import Metric, Pair
from self_evolution.text.lexer import lex, plain
from self_evolution.text.script import is_cjk
from self_evolution.text.spelt import in_digits
from self_evolution.text.values import extract_values, stands_in


class Number(NamedTuple):
    """A number in its one form, and its unit, or none."""

    key: str
    unit: str

    def among(self, others: Collection[Number]) -> bool:
        return any(self.key == one.key and _agree(self.unit, one.unit) for one in others)


def _agree(one: str, other: str) -> bool:
    """A bare degree is one of any scale."""
    degrees = "°" in (one, other) and one[:1] == other[:1]
    return one == other or not (one and other) or degrees


def short_answer(pair: Pair) -> float | None:
    """100 if the prediction states every value and no foreign one, else 0; None without values.

    Without a number among the values it is `exact_match`.
    """
    values = known_values(pair)
    if not any(map(_number, values)):
        return exact_match(pair)
    cjk = is_cjk(pair.question + pair.reference)

    def values_of(text: str) -> list[str]:
        return extract_values(in_digits(text), cjk=cjk)

    predicted, asked = values_of(pair.prediction), list(_numbers(values_of(pair.question)))
    # What the question has ("a six-sided figure", "in 7 weeks") says nothing when it comes back.
    numbers = [number for number in _numbers(predicted) if not number.among(asked)]
    for value in values:
        number = _number(value)
        if not stands_in(value, pair.prediction) and not (number and number.among(numbers)):
            return 0.0
    texts = [in_digits(text) for text in (pair.reference, pair.question, *values)]
    known = [number for text in texts for number in _numbers(values_of(text))]
    return 0.0 if any(_foreign(one, known, texts) for one in predicted) else 100.0


def _foreign(value: str, known: Collection[Number], texts: Sequence[str]) -> bool:
    number = _number(value)
    if number and number.among(known):
        return False
    return not any(stands_in(value, text) for text in texts)


def _numbers(values: Sequence[str]) -> Iterator[Number]:
    return (number for value in values if (number := _number(value)))


def _number(value: str) -> Number | None:
    """`value` as a number, also one in words; None if it is something else."""
    tokens = lex(plain(in_digits(value)))
    if [token.kind for token in tokens] not in (["number"], ["number", "unit"]):
        return None
    return Number(tokens[0].key, tokens[1].key if len(tokens) > 1 else "")


SHORT_ANSWER = Metric(
    "exact-match",
    ("values", "units:free", "numerals:words", "foreign:none", "case:lower"),
    short_answer,
)
