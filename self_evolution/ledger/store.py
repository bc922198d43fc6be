"""The database behind the ledger: opening, transactions, rows in and out."""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from self_evolution import records
from self_evolution.errors import UserError

APPLICATION_ID = 0x53450001  # "SE", so that another program's database is not taken for ours
VERSION = 4
TABLES: dict[str, type[Any]] = {
    cls.__name__.lower(): cls
    for cls in (
        records.Document,
        records.Event,
        records.Section,
        records.Fragment,
        records.Question,
        records.Answer,
        records.Verdict,
        records.Likeness,
        records.Score,
        records.Conversation,
        records.Selection,
        records.Adapter,
        records.Holdout,
        records.Item,
        records.Candidate,
        records.Seal,
        records.Replacement,
        records.Rival,
        records.Prediction,
        records.Judgement,
        records.Evaluation,
        records.Difference,
        records.Promotion,
    )
}
_JSON = {"heading", "messages", "pages", "reference_values", "sources"}
_BOOL = {"promoted"}
Row = TypeVar("Row")


class StageRow(NamedTuple):
    """How far a stage of a generation is, and what it cost (seconds, CPU-seconds)."""

    generation: int
    name: str
    items: int
    seconds: float
    cpu_seconds: float
    done: bool
    note: str


class FileRow(NamedTuple):
    """What a file was like when it was last looked at (bytes, nanoseconds)."""

    name: str
    size: int
    mtime_ns: int
    sha256: str


class Store:
    """Rows of the types in records.py, each in the table of its name."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        """Open the ledger at `path`, or make it. Raises UserError if the file is not ours.

        A `read_only` ledger writes no row, and may be read while another process writes. It is for
        one thread, but any thread may close it.
        """
        self.path = path
        with self._explained():
            uri = f"{path.absolute().as_uri()}?{_read_mode(path) if read_only else 'mode=rwc'}"
            self._db = sqlite3.connect(
                uri, uri=True, isolation_level=None, timeout=10, check_same_thread=not read_only
            )
            try:
                self._prepare(read_only)
            except BaseException:
                self._db.close()
                raise

    def _prepare(self, read_only: bool) -> None:
        """See that the database is ours, or make it ours if it is empty."""
        self._db.execute("PRAGMA foreign_keys = ON")
        tables = self._one("SELECT count(*) FROM sqlite_schema")
        if tables and self._one("PRAGMA application_id") != APPLICATION_ID:
            raise UserError(f"{self.path}: not a ledger of Self-Evolution; give another --run")
        if tables and self._one("PRAGMA user_version") != VERSION:
            raise UserError(f"{self.path}: made by another version of Self-Evolution; start anew")
        if read_only:
            if not tables:
                raise UserError(f"{self.path}: empty; `self-evolution run` begins a run")
            self._db.execute("PRAGMA query_only = ON")
            return
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        if not tables:
            schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
            self._db.executescript(
                f"BEGIN; {schema} PRAGMA application_id = {APPLICATION_ID};"
                f"PRAGMA user_version = {VERSION}; COMMIT;"
            )

    def close(self) -> None:
        self._db.close()

    def copy(self, path: Path) -> None:
        """A copy of everything in the new file `path`, as of one moment."""
        with self._explained(), closing(sqlite3.connect(path)) as target:
            self._db.backup(target)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that is read inside is of one moment, whatever another process writes meanwhile."""
        if self._db.in_transaction:
            yield
            return
        with self._explained():
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written inside, or nothing of it."""
        if self._db.in_transaction:
            yield
            return
        with self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def add(self, rows: Iterable[Any]) -> None:
        """Insert records of any types, in order, in one transaction."""
        with self.transaction():
            for row in rows:
                insert, names = _insert(row.__class__)
                self._db.execute(insert, [_store(name, getattr(row, name)) for name in names])

    def set_meta(self, key: str, value: Any) -> None:
        with self.transaction():
            self._db.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = ?2",
                # In ASCII, so that a path in the settings need not be UTF-8.
                (key, json.dumps(value, sort_keys=True)),
            )

    def log_stage(self, row: StageRow) -> None:
        """Add the times of `row` to what the stage has already cost; the rest is as of now."""
        with self.transaction():
            self._db.execute(
                """INSERT INTO stage VALUES (?, ?, ?, ?, ?, ?, ?)
                   ON CONFLICT (generation, name) DO UPDATE SET items = ?3,
                   seconds = seconds + ?4, cpu_seconds = cpu_seconds + ?5, done = ?6, note = ?7""",
                row,
            )

    def remember_files(self, rows: Iterable[FileRow]) -> None:
        with self.transaction():
            self._db.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)", rows)

    def files(self) -> dict[str, FileRow]:
        """The files looked at so far, by name."""
        return {row[0]: FileRow(*row) for row in self._db.execute("SELECT * FROM file")}

    def reopen(self, *stages: str) -> None:
        """Mark stages as not done, in every generation, because there is more for them to do."""
        with self.transaction():
            self._db.executemany(
                "UPDATE stage SET done = 0 WHERE name = ?", [(name,) for name in stages]
            )

    def meta(self, key: str) -> Any:
        """The value stored under `key`, or None."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None

    def stages(self) -> list[StageRow]:
        rows = self._db.execute("SELECT * FROM stage ORDER BY generation, name").fetchall()
        return [StageRow(*row) for row in rows]

    def stage_done(self, generation: int, name: str) -> bool:
        query = "SELECT done FROM stage WHERE generation = ? AND name = ?"
        row = self._db.execute(query, (generation, name)).fetchone()
        return bool(row and row[0])

    def _one(self, query: str) -> Any:
        return self._db.execute(query).fetchone()[0]

    def _rows(self, cls: type[Row], tail: str, parameters: Sequence[Any] = ()) -> list[Row]:
        names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        columns = ", ".join(f'"{name}"' for name in names)
        return list(
            self._stream(cls, f"SELECT {columns} FROM {cls.__name__.lower()} {tail}", parameters)
        )

    def _stream(self, cls: type[Row], query: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """Records of a query for all columns of their type, as they come."""
        names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        for row in self._db.execute(query, parameters):
            yield cls(*(_load(name, value) for name, value in zip(names, row, strict=True)))

    def _by_id(self, cls: type[Row], ids: Sequence[str]) -> list[Row]:
        found: dict[str, Row] = {}
        for chunk in chunks(sorted(set(ids))):
            marks = ",".join("?" * len(chunk))
            for row in self._rows(cls, f"WHERE id IN ({marks})", chunk):
                found[row.id] = row  # type: ignore[attr-defined]
        return [found[id] for id in ids]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            text = str(error)
            if "full" in text or "disk I/O" in text:
                cure = "free some space and run the same command again; nothing is lost"
            elif "locked" in text:
                cure = "another process is writing to it; wait for it or give another --run"
            elif "no such module" in text:
                cure = "use a Python whose SQLite has FTS5, as nearly all have"
            elif "unable to open" in text or "readonly" in text:
                cure = "give a --run folder that you may write to, or a copy of the run in one"
            else:
                raise
            raise UserError(f"{self.path}: {text}; {cure}") from None
        except sqlite3.DatabaseError as error:
            if "not a database" not in str(error) and "malformed" not in str(error):
                raise
            raise UserError(
                f"{self.path}: {error}; not a ledger of Self-Evolution, give another --run"
            ) from None


def _read_mode(path: Path) -> str:
    """The way to open a database without writing to it.

    Where the folder can be written, SQLite makes its `-shm` and `-wal` files, by which it sees what
    a writer adds. Where it cannot, the files of a writer serve; without them nothing has changed
    since the last one closed the database, and nothing else is needed.
    """
    writable = os.access(path.parent, os.W_OK)
    return "mode=ro" if writable or path.with_name(path.name + "-wal").exists() else "immutable=1"


@cache
def _insert(cls: type[Any]) -> tuple[str, tuple[str, ...]]:
    """(statement, columns) that add a record of that type."""
    names = tuple(field.name for field in dataclasses.fields(cls))
    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {cls.__name__.lower()} ({columns}) VALUES ({marks})", names


def _store(name: str, value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if name in _JSON and value is not None else value


def _load(name: str, value: Any) -> Any:
    if name == "pages":
        return tuple(tuple(pair) for pair in json.loads(value))
    if name in _JSON and value is not None:
        return tuple(json.loads(value))
    return bool(value) if name in _BOOL else value


def chunks(ids: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    return (ids[i : i + size] for i in range(0, len(ids), size))
