"""The index of the search, in the ledger: terms of every fragment that can be found.

A run updates it whenever it has read or split documents, so that a reader of the run finds an
index. Equal ledgers have equal indexes, whatever their history.
"""

from __future__ import annotations

from collections.abc import Callable

from self_evolution.ledger import Ledger
from self_evolution.progress import Progress
from self_evolution.records import Fragment
from self_evolution.retrieval.terms import terms

_BATCH = 1000
_MARK = "indexed"


def has_index(ledger: Ledger) -> bool:
    """Whether the run has an index: every split run has one, unless an early version split it."""
    return bool(ledger.meta(_MARK))


def update_index(
    ledger: Ledger, progress: Progress, raise_if_stopped: Callable[[], None] = lambda: None
) -> None:
    """Index the fragments that can be found now, and no others.

    Each batch is a transaction, so that an interruption loses little. `raise_if_stopped` is called
    after each batch, and may raise Stopped.
    """
    gone, new = ledger.search.changes()
    if gone or new:
        with progress.bar("search index", "fragments", len(gone) + len(new), 0) as bar:
            for numbers, write in ((gone, ledger.search.unindex), (new, ledger.search.index)):
                for start in range(0, len(numbers), _BATCH):
                    batch = ledger.fragments.numbered(numbers[start : start + _BATCH])
                    write([(one.number, " ".join(fragment_terms(one))) for one in batch])
                    bar.advance(len(batch))
                    raise_if_stopped()
    if len(new) > _BATCH:
        ledger.search.settle()
    if not has_index(ledger):
        ledger.set_meta(_MARK, True)


def fragment_terms(fragment: Fragment) -> list[str]:
    """The terms that a fragment is found by: those of its headings and of its text."""
    return terms("\n".join([*fragment.heading, fragment.text]))
