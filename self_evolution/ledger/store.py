"""Small databases beside the ledger, for what people say: each row is on the disk when it is kept.

They are files of their own because they are written while another process holds the ledger of the
run. Every call opens and closes its own connection, so any thread and any process may call. A row
that was acknowledged is on the disk, whatever happens to the process afterwards.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from self_evolution.errors import UserError
from self_evolution.ledger.database import read_mode

ROWS = 100_000
"""The most rows that a store takes."""


class Dated(Protocol):
    """A row: a dataclass whose `id` grows from row to row, and whose `time` is in UTC."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def id(self) -> int: ...

    @property
    def time(self) -> str: ...


Row = TypeVar("Row", bound=Dated)


class Store(ABC, Generic[Row]):
    """The rows that one file of the run in `folder` holds; it is made when the first row comes.

    A subclass says what they are: the name of the `file` and of its `table`, the dataclass of a
    `row`, the `schema`, and the number and version by which the file is recognised. Tuples are kept
    as JSON. `check` raises UserError for a row that the store does not take.
    """

    file: ClassVar[str]
    table: ClassVar[str]
    row: ClassVar[type]
    schema: ClassVar[str]
    application_id: ClassVar[int]
    version: ClassVar[int] = 1
    full: ClassVar[str]
    """What a person can do when the store is full."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / self.file

    @abstractmethod
    def check(self, row: Row) -> None:
        """Raises UserError if the row cannot be kept."""

    def add(self, row: Row) -> int:
        """Keep a row, and return its id once the row is on the disk.

        `id` and `time` of `row` are ignored. Raises UserError if the store does not take the row,
        if it is full, or if it cannot be written.
        """
        self.check(row)
        with self._explained():
            if not self.path.exists():
                self._make()
            with closing(self._connect("mode=rw")) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
                (rows,) = connection.execute(f"SELECT count(*) FROM {self.table}").fetchone()
                if rows >= ROWS:
                    raise UserError(
                        f"{self.path}: has {rows:,} rows, and takes no more; {self.full}"
                    )
                values: dict[str, Any] = dataclasses.asdict(row) | {
                    "id": None,
                    "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                }
                marks = ", ".join("?" * len(values))
                added = connection.execute(
                    f"INSERT INTO {self.table} ({', '.join(values)}) VALUES ({marks})",
                    [json.dumps(one) if isinstance(one, tuple) else one for one in values.values()],
                )
                connection.execute("COMMIT")
                return int(added.lastrowid or 0)

    def rows(self, since: int = 0) -> list[Row]:
        """The rows whose id is greater than `since`, in the order in which they came.

        Without a file there is none. Raises UserError if the file is such a store.
        """
        if not self.path.exists():
            return []
        fields = {field.name: str(field.type) for field in dataclasses.fields(self.row)}
        query = f"SELECT {', '.join(fields)} FROM {self.table} WHERE id > ? ORDER BY id"
        with self._explained(), closing(self._connect(read_mode(self.path))) as connection:
            found = connection.execute(query, (since,)).fetchall()
        return [
            self.row(
                *(
                    tuple(json.loads(value)) if kind.startswith("tuple") else value
                    for value, kind in zip(row, fields.values(), strict=True)
                )
            )
            for row in found
        ]

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?{mode}"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=30)
        try:
            self._recognise(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _recognise(self, connection: sqlite3.Connection) -> None:
        """Raises UserError if the file is not a store that this program knows."""
        (program,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if (program, version) != (self.application_id, self.version):
            newer = program == self.application_id
            reason = (
                "made by another version of Self-Evolution" if newer else f"not its {self.table}"
            )
            raise UserError(f"{self.path}: {reason}; move the file away, or update Self-Evolution")

    def _make(self) -> None:
        """Make the file under another name, then give it its own: two makers do not disturb each
        other."""
        with TemporaryDirectory(dir=self.path.parent, prefix=f".{self.table}-") as folder:
            made = Path(folder) / self.file
            with closing(sqlite3.connect(made, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute(self.schema)
                connection.execute(f"PRAGMA application_id = {self.application_id}")
                connection.execute(f"PRAGMA user_version = {self.version}")
            try:
                os.link(made, self.path)
            except FileExistsError:
                return
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)  # so that the new name survives a power failure
        finally:
            os.close(directory)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(f"{self.path}: {error.strerror}; nothing was kept") from None
        except sqlite3.OperationalError as error:
            raise UserError(f"{self.path}: {error}; nothing was kept, try again") from None
        except sqlite3.DatabaseError as error:
            raise UserError(f"{self.path}: {error}; move the file away") from None


def check_texts(what: str, texts: Mapping[str, str], longest: Mapping[str, int]) -> None:
    """Raises UserError for a text that is too long, or cannot be kept."""
    for name, text in texts.items():
        if len(text) > longest[name]:
            raise UserError(
                f"{what}: {name} has {len(text):,} characters; at most {longest[name]:,}"
            )
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UserError(f"{what}: {name} is not valid Unicode text") from None
