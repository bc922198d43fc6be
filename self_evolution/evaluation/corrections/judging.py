"""Whether an answer is what the person who corrected it wanted."""

from __future__ import annotations

from self_evolution.evaluation.metrics import METRICS
from self_evolution.evaluation.metrics.token_f1 import tokens
from self_evolution.records import Correction
from self_evolution.text.function_words import FUNCTION_WORDS

ENOUGH = 0.8
"""The share of the words that make the difference which a right answer has."""


def is_right(correction: Correction, text: str) -> bool:
    """Whether `text` says what the correction wants.

    Where the answer to learn states values (numbers, codes, names), the text must state them.
    Otherwise it must have the words by which the answer to learn differs from the wrong one. Where
    the person only said that an answer is wrong, any other one passes.
    """
    if not correction.target:
        return tokens(text) != tokens(correction.answer)
    score = METRICS["exact-match"].score(text, correction.target, question=correction.question)
    return score == 100.0 if score is not None else _has_words(correction, text)


def _has_words(correction: Correction, text: str) -> bool:
    asked = {*tokens(correction.question), *FUNCTION_WORDS}
    wrong = set(tokens(correction.answer)) if correction.verdict == "better" else set()
    wanted = list(dict.fromkeys(tokens(correction.target)))
    for apart in (asked | wrong, wrong, asked):
        if telling := [word for word in wanted if word not in apart]:
            break
    else:
        telling = wanted
    there = set(tokens(text))
    return sum(word in there for word in telling) >= ENOUGH * len(telling)
