"""The ledger: the run's one database (SQLite, write-ahead log), and every query on it.

Rows go in through `add`, one transaction a call; what is asked of them are named methods. Nothing
outside this folder contains SQL.
"""

from self_evolution.ledger.documents import SectionRow
from self_evolution.ledger.exams import Exams, Place, digest
from self_evolution.ledger.review import DocumentRow, Review
from self_evolution.ledger.search import SearchIndex
from self_evolution.ledger.sources import Source, Sources
from self_evolution.ledger.store import FileRow, StageRow
from self_evolution.ledger.work import Work

__all__ = [
    "DocumentRow",
    "FileRow",
    "Ledger",
    "Place",
    "SectionRow",
    "Source",
    "StageRow",
    "digest",
]


class Ledger(Work, Review, Exams, SearchIndex, Sources):
    """A run's ledger, opened or made at a path."""
