"""The ledger: the run's one database (SQLite, write-ahead log), and every query on it.

Rows go in through `add`, one transaction a call; queries are named methods of the ledger's parts
(`ledger.documents`, `ledger.pairs`, ...). Nothing outside this folder contains SQL.
"""

from self_evolution.ledger.contradictions import Conflict, PairSource
from self_evolution.ledger.documents import DocumentRow, FileRow, SectionRow
from self_evolution.ledger.feedback import Feedback, FeedbackStore
from self_evolution.ledger.fragments import Place
from self_evolution.ledger.items import digest
from self_evolution.ledger.ledger import ForecastRow, Ledger, StageRow
from self_evolution.ledger.pairs import SelectedPair, TrainedPair
from self_evolution.ledger.queue import Queue, Task
from self_evolution.ledger.reviews import Review, ReviewStore
from self_evolution.ledger.rewrites import RewriteCounts
from self_evolution.ledger.sources import Source
from self_evolution.ledger.teachers import TeacherCounts
from self_evolution.ledger.trusted import TrustedCounts

__all__ = [
    "Conflict",
    "DocumentRow",
    "Feedback",
    "FeedbackStore",
    "FileRow",
    "ForecastRow",
    "Ledger",
    "PairSource",
    "Place",
    "Queue",
    "Review",
    "ReviewStore",
    "RewriteCounts",
    "SectionRow",
    "SelectedPair",
    "Source",
    "StageRow",
    "Task",
    "TeacherCounts",
    "TrainedPair",
    "TrustedCounts",
    "digest",
]
