"""The search over a run's fragments. It reads the index in the ledger, and never writes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from self_evolution.ledger import Ledger
from self_evolution.records import Fragment
from self_evolution.retrieval.terms import asked, spread

MOST = 64
"""Terms that are looked for, evenly spread over a longer question, which would take seconds."""


class Search:
    """Finds fragments by their text and headings, those of held-out documents too.

    What is found is what may be asked about: of equal fragments the first one, none of a document
    that is gone. Equal indexes give equal answers, in one order. `remember` keeps the answers for
    questions that come again; it is for an index that does not change meanwhile.
    """

    def __init__(self, ledger: Ledger, remember: bool = False) -> None:
        self._ledger = ledger
        self._ids: Callable[[tuple[str, ...], int], tuple[str, ...]] = self._look_up
        if remember:
            self._ids = lru_cache(1 << 14)(self._look_up)

    def has(self, fragment_id: str) -> bool:
        """Whether that fragment may be found."""
        return self._ledger.search.is_indexed(fragment_id)

    def find(self, question: str, limit: int) -> list[Fragment]:
        """The best first, at most `limit`; none if no fragment has any of the question's terms."""
        return self.matching(asked(question), limit)

    def matching(self, wanted: list[str], limit: int) -> list[Fragment]:
        """Return the fragments that match best by these terms, or by MOST of them where there are
        more."""
        some = spread(wanted, MOST)
        return self._ledger.fragments.get(self._ids(tuple(some), limit)) if some else []

    def _look_up(self, wanted: tuple[str, ...], limit: int) -> tuple[str, ...]:
        return self._ledger.search.matches(wanted, limit)
