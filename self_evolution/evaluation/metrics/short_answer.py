"""Exact match for questions that ask for one number, word or name: the wording is free.

"7", "7 days", "A week has 7 days." and "seven" say the same. A unit that only one side has is
neither missing nor a value of its own; where both have one, they must agree. Numbers other than
those of reference and question are foreign, in words too: a list of numbers scores nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from self_evolution.evaluation.metrics.exact_match import exact_match, known_values
from self_evolution.evaluation.metrics.metric import Graded, Metric
from self_evolution.text.script import is_cjk
from self_evolution.text.spelt import in_digits
from self_evolution.text.token import Token
from self_evolution.text.values import extract_values, may_agree, parsed, stands_in


def short_answer(pair: Graded) -> float | None:
    """100 if the prediction states every value and no foreign one, else 0; None without values.

    Without a number among the values it is `exact_match`.
    """
    values = known_values(pair)
    about = in_digits(pair.about)
    if not any(_number(value, about) for value in values):
        return exact_match(pair)
    cjk = is_cjk(pair.about)

    def values_of(text: str) -> Sequence[str]:
        return extract_values(in_digits(text), cjk=cjk, about=about)

    def numbers_of(text: str) -> list[Token]:
        return [number for value in values_of(text) if (number := _number(value, about))]

    said, asked = values_of(pair.prediction), numbers_of(pair.question)
    # What the question has ("a six-sided figure", "in 7 weeks") says nothing when it comes back.
    numbers = [number for number in numbers_of(pair.prediction) if not _among(number, asked)]
    for value in values:
        number = _number(value, about)
        stands = stands_in(value, pair.prediction, about)
        if not stands and not (number and _among(number, numbers)):
            return 0.0
    texts = [in_digits(text) for text in (pair.reference, pair.question, *values)]
    known = [number for text in texts for number in numbers_of(text)]
    return 0.0 if any(_foreign(value, known, texts, about) for value in said) else 100.0


def _foreign(value: str, known: Collection[Token], texts: Sequence[str], about: str) -> bool:
    number = _number(value, about)
    if number and _among(number, known):
        return False
    return not any(stands_in(value, text, about) for text in texts)


def _number(value: str, about: str) -> Token | None:
    """`value` as a number, also one in words; None if it is something else."""
    token = parsed(in_digits(value), about)
    return token if token and token.kind == "number" else None


def _among(number: Token, others: Collection[Token]) -> bool:
    """Whether one of `others` has the same value; degrees without a scale agree with any scale."""
    return any(
        may_agree(number, one)
        or (_is_degree(number, one) and may_agree(number._replace(unit=one.unit), one))
        for one in others
    )


def _is_degree(one: Token, other: Token) -> bool:
    return "°" in (one.unit, other.unit) and one.unit[:1] == other.unit[:1]


SHORT_ANSWER = Metric(
    "exact-match",
    ("values", "units:free", "numerals:words", "foreign:none", "case:lower"),
    short_answer,
    revision=4,
    share=True,
)
