"""The numbers by which an answer is judged: how sure the model is, and what the passages say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from self_evolution.evaluation.agreement import agreed, stated
from self_evolution.evaluation.contamination import names
from self_evolution.evaluation.metrics.token_f1 import tokens
from self_evolution.ledger import Ledger
from self_evolution.records import Fragment
from self_evolution.retrieval import asked, fragment_terms, terms
from self_evolution.serving.routing.asking import Told
from self_evolution.serving.routing.logistic import Range
from self_evolution.text.function_words import FUNCTION_WORDS
from self_evolution.text.values import stands_in

COMMON = 1000
"""Terms in more fragments than this all count as equally common."""

LEAST_CERTAIN = -10.0
"""A mean log-probability below this counts as this."""


@dataclass(frozen=True)
class Question:
    """A question with both answers to it; `known`: the share of test questions on the document of
    the best passage that the model answers right from memory (0 to 1)."""

    text: str
    closed: Told
    open: Told
    shown: Sequence[Fragment]
    known: float

    @cached_property
    def agree(self) -> bool:
        """Whether both answers say the same.

        Where they state no values, both must add the same words to the question: "The colour of
        the lamp is red" and "The colour of the lamp is green" have most words in common.
        """
        both = self.open.text, self.closed.text
        if any(stated(self.text, text) for text in both) or not all(both):
            return not agreed(self.text, both).objection
        one, other = (set(_added(self.text, text)) for text in both)
        return one == other

    def numbers(self, coverage: Coverage) -> tuple[list[float], list[float]]:
        """The numbers of the answer from memory, and of the one from passages.

        Both have the certainty of the model, whether the answers agree, how much of the answer
        stands in the passages, and the three shares of `Coverage.of`; the first has `known` too.
        """
        agreement = float(self.agree)
        covered = list(coverage.of(self.text, self.shown))

        def of(told: Told) -> list[float]:
            certainty = 0.0 if told.certainty is None else max(told.certainty, LEAST_CERTAIN)
            return [certainty, agreement, support(self.text, told.text, self.shown), *covered]

        return [*of(self.closed), self.known], of(self.open)


def ranges(covered: Sequence[float], known: float) -> tuple[list[Range], list[Range]]:
    """The ranges of `Question.numbers` before the model has answered. The numbers of the answers
    can be anything; the others are known already (`Coverage.of`)."""
    both: list[Range] = [(LEAST_CERTAIN, 0.0), (0.0, 1.0), (0.0, 1.0)]
    both += [(one, one) for one in covered]
    return [*both, (known, known)], both


class Coverage:
    """How much of a question the passages speak of; terms that are rare in the documents count
    more."""

    def __init__(self, ledger: Ledger) -> None:
        self._frequency: Callable[[str], int] = lambda term: ledger.search.frequency(term, COMMON)
        self._known: dict[str, int] = {}

    def frequency(self, term: str) -> int:
        """In how many fragments a term occurs, at most COMMON."""
        if term not in self._known:
            self._known[term] = self._frequency(term)
        return self._known[term]

    def of(self, question: str, shown: Sequence[Fragment]) -> tuple[float, float, float]:
        """Three shares from 0 to 1.

        The first is the share of the question's names, numbers and codes that stand in the
        passages. The second is the share of its terms that do so; rare terms count more, and terms
        that no document has do not count. The third is the share of its terms that no document has.
        """
        there = {term for fragment in shown for term in fragment_terms(fragment)}
        named = {term for name in names(question) for term in terms(name)}
        wanted = asked(question)
        rarity = {term: self._rarity(term) for term in wanted}
        total = sum(rarity.values())
        return (
            sum(term in there for term in named) / len(named) if named else 1.0,
            sum(rarity[term] for term in wanted if term in there) / total if total else 0.0,
            sum(not self.frequency(term) for term in wanted) / len(wanted) if wanted else 1.0,
        )

    def _rarity(self, term: str) -> float:
        found = self.frequency(term)
        return math.log1p(COMMON / found) if found else 0.0


def support(question: str, answer: str, shown: Sequence[Fragment]) -> float:
    """The share of what the answer adds to the question that stands in one passage, 0 to 1.

    That is its values (numbers, codes, names), or its other words where it states none.
    """
    values = stated(question, answer)
    added = _added(question, answer)
    best = 0.0
    for fragment in shown:
        words = set(tokens(fragment.text))
        shares = [sum(word in words for word in added) / len(added)] if added else []
        if values:
            text = fragment.text
            shares.append(sum(stands_in(one, text, question) for one in values) / len(values))
        best = max(best, min(shares, default=0.0))
    return best


def _added(question: str, answer: str) -> list[str]:
    """The words of an answer that its question does not have, without function words."""
    known = {*tokens(question), *FUNCTION_WORDS}
    return [word for word in dict.fromkeys(tokens(answer)) if word not in known]
