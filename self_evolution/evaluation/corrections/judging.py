"""Whether an answer is what the person who corrected it wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from self_evolution.evaluation.contamination import names
from self_evolution.evaluation.metrics import METRICS
from self_evolution.evaluation.metrics.token_f1 import tokens
from self_evolution.records import Correction
from self_evolution.text.function_words import FUNCTION_WORDS

ENOUGH = 0.8
"""The least share of the telling words (those that only the answer to learn has) in a right one."""


def is_right(correction: Correction, text: str) -> bool:
    """Whether `text` says what the correction wants.

    Where the answer to learn states values (numbers, codes, names), the text must state them.
    Otherwise it must have the words by which the answer to learn differs from the wrong one. Where
    the person only said that an answer is wrong, any other one passes.
    """
    if not correction.target:
        return plain(text) != plain(correction.answer)
    score = METRICS["exact-match"].score(text, correction.target, question=correction.question)
    return score == 100.0 if score is not None else _has_words(correction, text)


class Contradictions:
    """Corrections, to find the one that a pair contradicts.

    A pair contradicts a correction if it has the same question, but not the answer to learn; or if
    it has the answer that is wrong, to a question on the same numbers, codes and names.
    """

    def __init__(self, corrections: Iterable[Correction]) -> None:
        self._by_question: dict[str, Correction] = {}
        self._by_answer: dict[str, list[Correction]] = defaultdict(list)
        for one in corrections:
            self._by_question[one.asked] = one
            if one.verdict != "right":
                self._by_answer[plain(one.answer)].append(one)

    def find(self, question: str, answer: str) -> Correction | None:
        """The correction that a pair contradicts; None if there is none."""
        one = self._by_question.get(plain(question))
        if one and not is_right(one, answer):
            return one
        for one in self._by_answer.get(plain(answer), ()):
            about = names(one.question)
            if about and names(question) == about and not is_right(one, answer):
                return one
        return None


def plain(text: str) -> str:
    """The words of a text, by which equal questions and equal answers are known."""
    return " ".join(tokens(text)) or text.strip()


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
