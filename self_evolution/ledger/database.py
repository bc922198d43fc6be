"""The database that the parts of the ledger share: opening, transactions, rows in and out."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from self_evolution import records
from self_evolution.errors import UserError
from self_evolution.ledger.explained import explained
from self_evolution.ledger.migrations import OLDEST, VERSION, migrate

APPLICATION_ID = 0x53450001  # "SE", so that another program's database is not taken for ours

CACHE_KB, PAGES_IN_LOG = 64 << 10, 8192
"""CACHE_KB: memory for pages of a ledger. PAGES_IN_LOG: after so many pages (32 MB) its log is
copied into the database."""


def table_of(cls: type[Any]) -> str:
    """The name of the table for a type of records: prediction_score for PredictionScore."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()


TABLES: dict[str, type[Any]] = {
    table_of(cls): cls
    for cls in (
        records.Document,
        records.Event,
        records.Section,
        records.Fragment,
        records.Question,
        records.TrustedRow,
        records.Answer,
        records.Teacher,
        records.Taught,
        records.Verdict,
        records.Likeness,
        records.Contradiction,
        records.Score,
        records.Conversation,
        records.Rewrite,
        records.Recitation,
        records.Selection,
        records.Adapter,
        records.Holdout,
        records.Item,
        records.Candidate,
        records.Lock,
        records.Replacement,
        records.Rival,
        records.Prediction,
        records.Signature,
        records.PredictionScore,
        records.Judgement,
        records.Evaluation,
        records.Difference,
        records.Promotion,
        records.Correction,
        records.CorrectionPair,
        records.Recheck,
        records.RecheckAnswer,
    )
}
_JSON = {"heading", "messages", "pages", "reference_values", "sources", "turns"}
_BOOL = {"promoted", "held", "correct", "believed"}
IDS = "(SELECT value FROM json_each(?))"
Row = TypeVar("Row")


class Database:
    """Rows of the types in `records`, each in the table of its name."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        """Open the ledger at `path`, or make it. Raises UserError if the file is not a ledger.

        A `read_only` ledger writes no row, and may be read while another process writes. Only one
        thread uses it, but any thread may close it.
        """
        self.path = path
        with explained(self.path):
            uri = f"{path.absolute().as_uri()}?{read_mode(path) if read_only else 'mode=rwc'}"
            self._connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, timeout=10, check_same_thread=not read_only
            )
            try:
                self._prepare(read_only)
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self, read_only: bool) -> None:
        """Check that the database is a ledger of today's version, or make it one."""
        empty = not self.one("SELECT count(*) FROM sqlite_schema")
        if not empty and self.one("PRAGMA application_id") != APPLICATION_ID:
            raise UserError(f"{self.path}: not a ledger of Self-Evolution; give another --run")
        version = self.one("PRAGMA user_version")
        self._refuse(version, empty)
        # Ids have no order, so the rows of a batch are on pages everywhere in a table.
        self.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        if read_only:
            if empty:
                raise UserError(f"{self.path}: empty; `self-evolution run` begins a run")
            if version < VERSION:
                self._update()
            self.execute("PRAGMA foreign_keys = ON")
            self.execute("PRAGMA query_only = ON")
            return
        self.execute("PRAGMA journal_mode = WAL")
        self.execute("PRAGMA synchronous = FULL")
        self.execute(f"PRAGMA wal_autocheckpoint = {PAGES_IN_LOG}")
        if empty:
            self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        if version < VERSION:
            migrate(self._connection)
        # After the steps: one that makes a table anew takes the old one away meanwhile.
        self.execute("PRAGMA foreign_keys = ON")

    def _refuse(self, version: int, empty: bool) -> None:
        """Raise UserError for a ledger that this version of the program cannot open."""
        if version > VERSION:
            raise UserError(
                f"{self.path}: made by a newer version of Self-Evolution (its ledger has version "
                f"{version}, and this program knows versions up to {VERSION}); update "
                "Self-Evolution, or give another --run"
            )
        if version < OLDEST and not empty:
            raise UserError(
                f"{self.path}: made by a version of Self-Evolution that is too old (its ledger has "
                f"version {version}, and this program opens versions from {OLDEST} on); start a "
                "new run with another --run"
            )

    def _update(self) -> None:
        """Migrate a ledger of an earlier version, although it is opened only to be read."""
        if not os.access(self.path.parent, os.W_OK):
            raise UserError(
                f"{self.path}: made by an earlier version of Self-Evolution, and the folder is "
                "read-only, so it cannot be brought up to date; copy the folder to a place that "
                "you may write to, and run `self-evolution status` on the copy"
            )
        Database(self.path).close()

    def close(self) -> None:
        self._connection.close()

    def copy(self, path: Path) -> None:
        """Copy everything to the new file `path`, as of one moment."""
        with explained(self.path), closing(sqlite3.connect(path)) as target:
            self._connection.backup(target)

    def snapshot(self) -> AbstractContextManager[None]:
        """Read everything inside the block as of one moment, whatever another process writes
        meanwhile."""
        return self._block("BEGIN", "ROLLBACK")

    def transaction(self) -> AbstractContextManager[None]:
        """Write everything inside the block, or nothing of it."""
        return self._block("BEGIN IMMEDIATE", "COMMIT")

    @contextmanager
    def _block(self, begin: str, end: str) -> Iterator[None]:
        """A block inside another one is a part of it."""
        if self._connection.in_transaction:
            yield
            return
        with explained(self.path):
            self._connection.execute(begin)
            try:
                yield
                self._connection.execute(end)
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def add(self, rows: Iterable[Any]) -> None:
        """Insert records of any types, in order, in one transaction."""
        with self.transaction():
            for row in rows:
                insert, names = _insert(row.__class__)
                self.execute(insert, [_store(name, getattr(row, name)) for name in names])

    def set_meta(self, key: str, value: Any) -> None:
        """Store a JSON value under `key`, in place of the one before."""
        with self.transaction():
            self.execute(
                """INSERT INTO meta VALUES (?, ?)
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value""",
                # In ASCII, so that a path in the settings need not be UTF-8.
                (key, json.dumps(value, sort_keys=True)),
            )

    def meta(self, key: str) -> Any:
        """The value stored under `key`, or None."""
        text = self.one("SELECT value FROM meta WHERE key = ?", (key,))
        return None if text is None else json.loads(text)

    def execute(self, query: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        return self._connection.execute(query, parameters)

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for every row, in one transaction."""
        with self.transaction():
            self._connection.executemany(statement, rows)

    def define(self, name: str, function: Callable[[str], str]) -> None:
        """Let queries call `function`, whose result depends on its argument alone."""
        self._connection.create_function(name, 1, function, deterministic=True)

    def one(self, query: str, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row; None if there is no row."""
        row = self.execute(query, parameters).fetchone()
        return row[0] if row else None

    def column(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        """The first column of every row."""
        for row in self.each(query, parameters):
            yield row[0]

    def each(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        """Every row. The query begins with the first one that is taken: one that has begun cannot
        go on after a table was made."""
        yield from self.execute(query, parameters)

    def named(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Every row as {name of the column: value}."""
        cursor = self.execute(query, parameters)
        names = [column[0] for column in cursor.description]
        return (dict(zip(names, row, strict=True)) for row in cursor)

    def stream(self, cls: type[Row], tail: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """Yield records of a type; `tail` is the SQL that follows FROM and its table."""
        names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        columns = ", ".join(f'"{name}"' for name in names)
        query = f"SELECT {columns} FROM {table_of(cls)} {tail}"
        for row in self.execute(query, parameters):
            yield cls(*(_load(name, value) for name, value in zip(names, row, strict=True)))

    def rows(self, cls: type[Row], tail: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return list(self.stream(cls, tail, parameters))

    def by_id(self, cls: type[Row], ids: Sequence[str]) -> list[Row]:
        """Records in the order of `ids`; raises KeyError for an id that is not there."""
        rows = self.rows(cls, f"WHERE id IN {IDS}", (among(ids),))
        found = {row.id: row for row in rows}  # type: ignore[attr-defined]
        return [found[id] for id in ids]


def read_mode(path: Path) -> str:
    """Choose the way to open a database without writing to it.

    Where the folder can be written, SQLite makes its `-shm` and `-wal` files, by which it sees what
    a writer adds. In a read-only folder it uses the writer's files if they exist. If they do not,
    nothing has changed since the last writer closed the database, and it is opened as immutable.
    """
    writable = os.access(path.parent, os.W_OK)
    return "mode=ro" if writable or path.with_name(path.name + "-wal").exists() else "immutable=1"


@cache
def _insert(cls: type[Any]) -> tuple[str, tuple[str, ...]]:
    """(statement, columns) that add a record of that type."""
    names = tuple(field.name for field in dataclasses.fields(cls))
    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table_of(cls)} ({columns}) VALUES ({marks})", names


def _store(name: str, value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if name in _JSON and value is not None else value


def _load(name: str, value: Any) -> Any:
    if name == "pages":
        return tuple(tuple(pair) for pair in json.loads(value))
    if name in _JSON and value is not None:
        return tuple(json.loads(value))
    return bool(value) if name in _BOOL else value


def among(values: Iterable[str | int]) -> str:
    """The parameter for IDS, which stands in a query for a list of any length."""
    return json.dumps(list(values))


class Part:
    """One part of the ledger: named queries on the database that all parts share."""

    def __init__(self, database: Database) -> None:
        self._db = database
