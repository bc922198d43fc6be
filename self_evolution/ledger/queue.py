"""The tasks of a stage in the order of work, kept by the database so that memory does not grow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

from self_evolution.ledger.database import Database

Task = tuple[str, int] | tuple[str, int, str]
"""The id of an item to work on, and its length (any unit): similar lengths share a batch.

Then perhaps what it has in common with others of this length, next to which it is put.
"""

_NUMBERS = count(1)


class Queue:
    """Tasks sorted by length, by what they have in common, and by id, in a temporary table.

    `total` tasks, of which `done` were finished when the queue was made. The order follows from
    the tasks alone, so an interrupted stage meets the same batches again.
    """

    def __init__(self, database: Database, tasks: Iterable[Task], done: Iterable[str]) -> None:
        """Read both at once, row by row; ids in `done` that are no tasks do not count."""
        self._db = database
        number = next(_NUMBERS)
        self._table, given = f"temp.queue_{number}", f"temp.given_{number}"
        database.execute(
            f"""CREATE TABLE {given} (id TEXT PRIMARY KEY, length INTEGER, common TEXT,
                done INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"""
        )
        rows = ((*task, "")[:3] for task in tasks)
        database.execute_many(f"INSERT INTO {given} (id, length, common) VALUES (?, ?, ?)", rows)
        finished = ((id,) for id in done)
        database.execute_many(f"UPDATE {given} SET done = 1 WHERE id = ?", finished)
        database.execute(
            f"""CREATE TABLE {self._table} AS
                SELECT id, done FROM {given} ORDER BY length, common, id"""
        )
        database.execute(f"DROP TABLE {given}")
        query = f"SELECT count(*), coalesce(sum(done), 0) FROM {self._table}"
        self.total, self.done = database.execute(query).fetchone()

    def batches(self, size: int) -> Iterator[list[str]]:
        """Yield the missing tasks of each batch of `size` tasks that has any."""
        if self.done < self.total:
            query = f"""SELECT id FROM {self._table} WHERE rowid > ? AND rowid <= ? AND NOT done
                        ORDER BY rowid"""
            for start in range(0, self.total, size):
                if missing := list(self._db.column(query, (start, start + size))):
                    yield missing
        self._db.execute(f"DROP TABLE {self._table}")
