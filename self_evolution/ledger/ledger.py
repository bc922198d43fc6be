"""The ledger of a run, with its parts by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from self_evolution.ledger.contradictions import Contradictions
from self_evolution.ledger.corrections import Corrections
from self_evolution.ledger.database import TABLES, Database
from self_evolution.ledger.documents import Documents
from self_evolution.ledger.evaluations import Evaluations
from self_evolution.ledger.export import export
from self_evolution.ledger.fragments import Fragments
from self_evolution.ledger.items import Items
from self_evolution.ledger.pairs import Pairs
from self_evolution.ledger.queue import Queue, Task
from self_evolution.ledger.search import SearchIndex
from self_evolution.ledger.sources import Sources
from self_evolution.ledger.teachers import Teachers
from self_evolution.ledger.training import Training
from self_evolution.ledger.trusted import Trusted


class StageRow(NamedTuple):
    """The state of a stage of a generation, and its cost (seconds, CPU-seconds)."""

    generation: int
    name: str
    items: int
    seconds: float
    cpu_seconds: float
    done: bool
    note: str


class Ledger(Database):
    """The ledger of a run: its parts by name, and the queries that concern all of them."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        super().__init__(path, read_only)
        self.documents = Documents(self)
        self.fragments = Fragments(self)
        self.items = Items(self)
        self.sources = Sources(self)
        self.pairs = Pairs(self)
        self.trusted = Trusted(self)
        self.teachers = Teachers(self)
        self.corrections = Corrections(self)
        self.contradictions = Contradictions(self)
        self.training = Training(self)
        self.evaluations = Evaluations(self)
        self.search = SearchIndex(self)

    def export(self) -> Iterator[tuple[str, Iterator[str]]]:
        """(table, its rows as JSON lines) in a fixed order: equal runs give equal bytes."""
        return export(self)

    def queue(self, tasks: Iterable[Task], done: Iterable[str]) -> Queue:
        """The tasks of a stage in the order of work; `done` are the ids that need no more work."""
        return Queue(self, tasks, done)

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        assert table in TABLES
        return int(self.one(f"SELECT count(*) FROM {table}"))

    # -- stages ------------------------------------------------------------------------------

    def stages(self) -> list[StageRow]:
        return [StageRow(*row) for row in self.execute("SELECT * FROM stage ORDER BY 1, 2")]

    def stage_done(self, generation: int, name: str) -> bool:
        query = "SELECT done FROM stage WHERE generation = ? AND name = ?"
        return bool(self.one(query, (generation, name)))

    def log_stage(self, row: StageRow) -> None:
        """Add the times of `row` to the cost of the stage; the other columns replace the old
        ones."""
        with self.transaction():
            self.execute(
                """INSERT INTO stage VALUES (?, ?, ?, ?, ?, ?, ?)
                   ON CONFLICT (generation, name) DO UPDATE SET items = ?3,
                   seconds = seconds + ?4, cpu_seconds = cpu_seconds + ?5, done = ?6, note = ?7""",
                row,
            )

    def reopen(self, *stages: str) -> None:
        """Mark stages as not done, in every generation, because there is new work for them."""
        rows = [(name,) for name in stages]
        self.execute_many("UPDATE stage SET done = 0 WHERE name = ?", rows)
