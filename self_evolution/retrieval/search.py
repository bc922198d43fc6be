"""The search over a run's fragments. It reads the index in the ledger, and never writes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from self_evolution.ledger import Ledger
from self_evolution.records import Fragment
from self_evolution.retrieval.terms import asked, spread

MOST = 64
"""The most terms to look for, spread evenly over a longer question, which would take seconds."""


class Search:
    """Finds fragments by their text and headings, including held-out documents.

    It finds what may be asked about: the first of equal fragments, and none of a document that is
    gone. Equal indexes give equal answers, in one order. With `remember`, the answers to repeated
    questions are kept; use it only while the index does not change.
    """

    def __init__(self, ledger: Ledger, remember: bool = False) -> None:
        self._ledger = ledger
        self._ids: Callable[[tuple[str, ...], int, str | None], tuple[str, ...]] = self._look_up
        if remember:
            self._ids = lru_cache(1 << 14)(self._look_up)

    def has(self, fragment_id: str) -> bool:
        """Whether that fragment may be found."""
        return self._ledger.search.is_indexed(fragment_id)

    def find(self, question: str, limit: int, document_id: str | None = None) -> list[Fragment]:
        """Return the best fragments, at most `limit`; none if no fragment has any of the terms.

        With a `document_id`, only what stands in that document is found.
        """
        return self.matching(asked(question), limit, document_id)

    def matching(
        self, wanted: list[str], limit: int, document_id: str | None = None
    ) -> list[Fragment]:
        """Return the fragments that match best by these terms, or by MOST of them where there are
        more."""
        some = tuple(spread(wanted, MOST))
        return self._ledger.fragments.get(self._ids(some, limit, document_id)) if some else []

    def _look_up(
        self, wanted: tuple[str, ...], limit: int, document_id: str | None
    ) -> tuple[str, ...]:
        return self._ledger.search.matches(wanted, limit, document_id)
