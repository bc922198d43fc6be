"""The search over a run's fragments. Its index is in the ledger, and follows the documents."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from self_evolution.ledger import Ledger
from self_evolution.progress import Progress
from self_evolution.records import Fragment
from self_evolution.retrieval.terms import asked, spread, terms

_BATCH = 1000

MOST = 64
"""Terms that are looked for, evenly spread over a longer question, which would take seconds."""


class Search:
    """Finds fragments by their text and headings, those of held-out documents too.

    What is found is what may be asked about: of equal fragments the first one, none of a document
    that is gone. Equal ledgers give equal answers, in one order.
    """

    def __init__(self, ledger: Ledger, progress: Progress | None = None) -> None:
        self._ledger = ledger
        self._progress = progress or Progress(quiet=True)
        # The same questions come back in every generation.
        self._matches = lru_cache(1 << 14)(ledger.search.matches)

    def refresh(self, heed: Callable[[], None] = lambda: None) -> None:
        """Bring the index to what is there now; a batch a transaction, so a kill costs little.

        `heed` is called after each batch, and may raise Stopped.
        """
        gone, new = self._ledger.search.changes()
        if not gone and not new:
            return
        self._matches.cache_clear()
        total = len(gone) + len(new)
        with self._progress.bar("search index", "fragments", total, 0) as bar:
            for numbers, put in ((gone, False), (new, True)):
                for start in range(0, len(numbers), _BATCH):
                    batch = self._ledger.fragments.numbered(numbers[start : start + _BATCH])
                    rows = [(one.number, " ".join(searched(one))) for one in batch]
                    self._ledger.search.index(rows) if put else self._ledger.search.unindex(rows)
                    bar.advance(len(rows))
                    heed()
        if len(new) > _BATCH:
            self._ledger.search.settle()

    def has(self, fragment_id: str) -> bool:
        """Whether that fragment may be found."""
        return self._ledger.search.is_indexed(fragment_id)

    def find(self, question: str, limit: int) -> list[Fragment]:
        """The best first, at most `limit`; none if no fragment has any of the question's terms."""
        return self.matching(asked(question), limit)

    def matching(self, wanted: list[str], limit: int) -> list[Fragment]:
        """The same by terms, or by MOST of them where there are more."""
        some = spread(wanted, MOST)
        return self._ledger.fragments.get(self._matches(tuple(some), limit)) if some else []


def searched(fragment: Fragment) -> list[str]:
    """The terms that a fragment is found by: those of its headings and of its text."""
    return terms("\n".join([*fragment.heading, fragment.text]))
