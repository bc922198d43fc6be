"""The agreement of independent answers to one question; the most typical one is the reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from self_evolution.evaluation.metrics import METRICS, extract_values, stands_in
from self_evolution.text.script import is_cjk
from self_evolution.text.values import agree

ALIKE = 60.0
"""The least token F1 at which an answer without values agrees with the most typical answer."""


class Agreed(NamedTuple):
    """The answer nearest to all others, with the values that the question does not have.

    `objection` says why the answers do not agree; it is empty if they do.
    """

    text: str
    values: tuple[str, ...]
    objection: str


def agreed(question: str, answers: Sequence[str]) -> Agreed:
    """Answers agree if all state the same values. Answers without any value agree if their words
    are similar."""
    text = max(answers, key=lambda one: sum(_alike(one, other) for other in answers))
    values = stated(question, text)
    for other in answers:
        if not other:
            return Agreed(text, values, "an answer is empty")
        theirs = stated(question, other)
        if values or theirs:
            about = f"{question}\n{text}\n{other}"
            odd = [value for value in values if not _has(theirs, value, about)]
            odd += [value for value in theirs if not _has(values, value, about)]
            if odd:
                return Agreed(text, values, f"not in every answer: {', '.join(odd[:3])}")
        elif _alike(other, text) < ALIKE:
            return Agreed(text, values, f"answers differ: “{text[:80]}”, “{other[:80]}”")
    return Agreed(text, values, "")


def stated(question: str, answer: str) -> tuple[str, ...]:
    """The values of an answer that its question does not have."""
    found = extract_values(answer, cjk=is_cjk(question + answer), about=question)
    return tuple(value for value in found if not stands_in(value, question, question))


def _has(values: Sequence[str], wanted: str, about: str) -> bool:
    return any(agree(wanted, value, about) for value in values)


def _alike(one: str, other: str) -> float:
    return METRICS["token-f1"].score(one, other) or 0.0
