"""Feedback: what people said about answers, in a database of its own beside the ledger.

It is a file of its own (`feedback.db`) because it is written while another process holds the ledger
of the run. Every call opens and closes its own connection, so any thread and any process may call.
A row that was acknowledged is on the disk, whatever happens to the process afterwards.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from self_evolution.errors import UserError
from self_evolution.ledger.database import read_mode

FILE = "feedback.db"
APPLICATION_ID, VERSION = 0x53450002, 1
VERDICTS = ("right", "wrong", "better")
LONGEST = {"question": 4_000, "answer": 20_000, "better": 20_000, "reviewer": 200, "adapter": 64}
"""The most characters of each text."""
FRAGMENTS, ROWS = 64, 100_000
"""The most fragments that a row names, and the most rows that a store takes."""

_SCHEMA = """
CREATE TABLE feedback (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('right', 'wrong', 'better')),
  question TEXT NOT NULL,
  answer TEXT NOT NULL,
  better TEXT NOT NULL,
  fragments TEXT NOT NULL,
  generation INTEGER NOT NULL,
  adapter TEXT NOT NULL,
  reviewer TEXT NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person said about one answer.

    `verdict`: right, wrong, or better, if the person gave a better answer (`better`). `fragments`
    are the ids of the passages that were shown with the answer, `generation` the one that answered,
    and `adapter` the SHA-256 of its adapter (empty for the base). `reviewer` is free text. The
    store gives `id`, which grows from row to row, and `time`, in UTC.
    """

    verdict: str
    question: str
    answer: str
    better: str = ""
    fragments: tuple[str, ...] = ()
    generation: int = 0
    adapter: str = ""
    reviewer: str = ""
    id: int = 0
    time: str = ""


_COLUMNS = [field.name for field in dataclasses.fields(Feedback)]


class FeedbackStore:
    """The feedback of the run in `folder`. The file is made when the first row comes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def add(self, row: Feedback) -> int:
        """Keep a row, and return its id once the row is on the disk.

        `id` and `time` of `row` are ignored. Raises UserError if a text is empty or too long, if
        the verdict is unknown, if a better answer is missing or unexpected, if the store is full,
        or if it cannot be written.
        """
        _check(row)
        with self._explained():
            if not self.path.exists():
                self._make()
            with closing(self._connect("mode=rw")) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE")
                (rows,) = connection.execute("SELECT count(*) FROM feedback").fetchone()
                if rows >= ROWS:
                    raise UserError(
                        f"{self.path}: has {rows:,} rows, and takes no more; move the file away "
                        "after `self-evolution run` has taken its corrections in"
                    )
                values = dataclasses.asdict(row) | {
                    "id": None,
                    "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                    "fragments": json.dumps(row.fragments),
                }
                marks = ", ".join("?" * len(_COLUMNS))
                added = connection.execute(
                    f"INSERT INTO feedback ({', '.join(_COLUMNS)}) VALUES ({marks})",
                    [values[name] for name in _COLUMNS],
                )
                connection.execute("COMMIT")
                return int(added.lastrowid or 0)

    def rows(self, since: int = 0) -> list[Feedback]:
        """The rows whose id is greater than `since`, in the order in which they came.

        Without a file there is none. Raises UserError if the file is not a store of feedback.
        """
        if not self.path.exists():
            return []
        query = f"SELECT {', '.join(_COLUMNS)} FROM feedback WHERE id > ? ORDER BY id"
        with self._explained(), closing(self._connect(read_mode(self.path))) as connection:
            found = [
                Feedback(**dict(zip(_COLUMNS, row, strict=True)))
                for row in connection.execute(query, (since,))
            ]
        return [
            dataclasses.replace(row, fragments=tuple(json.loads(str(row.fragments))))
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
        """Raises UserError if the file is not a store of feedback that this program knows."""
        (program,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if (program, version) != (APPLICATION_ID, VERSION):
            newer = program == APPLICATION_ID
            reason = "made by another version of Self-Evolution" if newer else "not its feedback"
            raise UserError(f"{self.path}: {reason}; move the file away, or update Self-Evolution")

    def _make(self) -> None:
        """Make the file under another name, then give it its own: two makers do not disturb each
        other."""
        with TemporaryDirectory(dir=self.path.parent, prefix=".feedback-") as folder:
            made = Path(folder) / FILE
            with closing(sqlite3.connect(made, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute(_SCHEMA)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {VERSION}")
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


def _check(row: Feedback) -> None:
    """Raises UserError for a row that the store does not take."""
    if row.verdict not in VERDICTS:
        raise UserError(f"verdict {row.verdict!r}: expected one of {', '.join(VERDICTS)}")
    wanted = ["question", "answer", *(["better"] if row.verdict == "better" else [])]
    for name in wanted:
        if not getattr(row, name).strip():
            raise UserError(f"feedback: {name} is empty; give it with some text")
    if row.better and row.verdict != "better":
        raise UserError(f"verdict {row.verdict}: comes without a better answer; say `better`")
    for name, most in LONGEST.items():
        text = getattr(row, name)
        if len(text) > most:
            raise UserError(f"feedback: {name} has {len(text):,} characters; at most {most:,}")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise UserError(f"feedback: {name} is not valid Unicode text") from None
    if len(row.fragments) > FRAGMENTS or any(len(id) > FRAGMENTS for id in row.fragments):
        raise UserError(f"feedback: at most {FRAGMENTS} fragments, with their ids")
