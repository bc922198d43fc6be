"""This module finds the statements of a fragment that the pairs about it state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from self_evolution.coverage.statements import statements
from self_evolution.records import Fragment
from self_evolution.retrieval.terms import asked
from self_evolution.text.values import stands_in


class Coverable:
    """The statements of a fragment, to be covered by pairs."""

    def __init__(self, fragment: Fragment, kinds: Sequence[str] = ()) -> None:
        """`kinds` are regular expressions for statements that have no value."""
        self._text = fragment.askable
        self.statements = statements(self._text, fragment.language, kinds)
        self._terms = [frozenset(asked(one.text)) for one in self.statements]
        self._holders: dict[str, list[int]] = {}
        for number, one in enumerate(self.statements):
            for value in one.values:
                self._holders.setdefault(value, []).append(number)
        frequency = Counter(term for some in self._terms for term in some)
        self._weights = {term: 1 / n for term, n in frequency.items()}

    def stated(self, question: str, answer: str) -> set[int]:
        """The numbers of the statements that a pair states.

        For each value of the answer, it is the statement with this value that has most words in
        common with the pair. If the answer has no such value, it is the statement that has most
        words in common with it, provided that no other statement has one of them. A word counts
        less, the more statements have it.
        """
        if not self.statements:
            return set()
        said = frozenset(asked(f"{question} {answer}"))
        likeness = [
            sum(self._weights[term] for term in sorted(some & said)) for some in self._terms
        ]
        found = {
            max(numbers, key=lambda number: (likeness[number], -number))
            for value, numbers in self._holders.items()
            if stands_in(value, answer, self._text)
        }
        if not found:
            best = max(range(len(likeness)), key=lambda number: (likeness[number], -number))
            if any(self._weights[term] == 1 for term in self._terms[best] & said):
                found.add(best)
        return found

    def covered(self, pairs: Iterable[tuple[str, str]]) -> set[int]:
        """The numbers of the statements that any of these pairs (question, answer) states."""
        return {number for pair in pairs for number in self.stated(*pair)}
