"""The ledger of a run, with its parts by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

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


class Ledger:
    """The ledger of a run: its parts by name, and the queries that concern all of them."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        """Open the ledger at `path`, or make it. Raises UserError if the file is not ours.

        A `read_only` ledger writes no row, and may be read while another process writes. It is for
        one thread, but any thread may close it.
        """
        self.path = path
        self._db = Database(path, read_only)
        self.documents = Documents(self._db)
        self.fragments = Fragments(self._db)
        self.items = Items(self._db)
        self.sources = Sources(self._db)
        self.pairs = Pairs(self._db)
        self.trusted = Trusted(self._db)
        self.teachers = Teachers(self._db)
        self.corrections = Corrections(self._db)
        self.contradictions = Contradictions(self._db)
        self.training = Training(self._db)
        self.evaluations = Evaluations(self._db)
        self.search = SearchIndex(self._db)

    def close(self) -> None:
        self._db.close()

    def copy(self, path: Path) -> None:
        """Write a copy of everything to the new file `path`, as of one moment."""
        self._db.copy(path)

    def export(self) -> Iterator[tuple[str, Iterator[str]]]:
        """(table, its rows as JSON lines) in a fixed order: equal runs give equal bytes."""
        return export(self._db)

    def snapshot(self) -> AbstractContextManager[None]:
        """Read everything inside the block as of one moment, whatever another process writes
        meanwhile."""
        return self._db.snapshot()

    def queue(self, tasks: Iterable[Task], done: Iterable[str]) -> Queue:
        """The tasks of a stage in the order of work; `done` are the ids that need no more work."""
        return Queue(self._db, tasks, done)

    def transaction(self) -> AbstractContextManager[None]:
        """Write everything that is added inside the block, or nothing of it."""
        return self._db.transaction()

    def add(self, rows: Iterable[Any]) -> None:
        """Insert records of any types, in order, in one transaction."""
        self._db.add(rows)

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        assert table in TABLES
        return int(self._db.one(f"SELECT count(*) FROM {table}"))

    def meta(self, key: str) -> Any:
        """The value stored under `key`, or None."""
        return self._db.meta(key)

    def set_meta(self, key: str, value: Any) -> None:
        """Store a JSON value under `key`, in place of the one before."""
        self._db.set_meta(key, value)

    # -- stages ------------------------------------------------------------------------------

    def stages(self) -> list[StageRow]:
        return [StageRow(*row) for row in self._db.execute("SELECT * FROM stage ORDER BY 1, 2")]

    def stage_done(self, generation: int, name: str) -> bool:
        query = "SELECT done FROM stage WHERE generation = ? AND name = ?"
        return bool(self._db.one(query, (generation, name)))

    def log_stage(self, row: StageRow) -> None:
        """Add the times of `row` to the cost of the stage; the other columns replace the old
        ones."""
        with self.transaction():
            self._db.execute(
                """INSERT INTO stage VALUES (?, ?, ?, ?, ?, ?, ?)
                   ON CONFLICT (generation, name) DO UPDATE SET items = ?3,
                   seconds = seconds + ?4, cpu_seconds = cpu_seconds + ?5, done = ?6, note = ?7""",
                row,
            )

    def reopen(self, *stages: str) -> None:
        """Mark stages as not done, in every generation, because there is new work for them."""
        rows = [(name,) for name in stages]
        self._db.execute_many("UPDATE stage SET done = 0 WHERE name = ?", rows)
