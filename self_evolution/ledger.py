"""The ledger: the run's one database (SQLite, write-ahead log), and every query on it.

Rows go in through `add`, one transaction a call; the questions that stages ask are the named
methods below. Nothing else in the package contains SQL.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from self_evolution import records
from self_evolution.errors import UserError
from self_evolution.records import (
    Adapter,
    Conversation,
    Document,
    Evaluation,
    Fragment,
    Item,
    Message,
    Pair,
    Prediction,
    Promotion,
    Section,
    Selection,
)

APPLICATION_ID = 0x53450001  # "SE", so that another program's database is not taken for ours
VERSION = 1
TABLES: dict[str, type[Any]] = {
    cls.__name__.lower(): cls
    for cls in (
        Document,
        Section,
        Fragment,
        records.Question,
        records.Answer,
        records.Verdict,
        records.Score,
        Conversation,
        Selection,
        Adapter,
        Item,
        Prediction,
        Evaluation,
        Promotion,
    )
}
_JSON = {"heading", "messages", "reference_values"}
_BOOL = {"whole", "promoted"}
_PAIRS = """
  SELECT a.id, q.generation, q.fragment_id, q.text, a.text, a.finish, f.text, f.language
  FROM question q JOIN answer a ON a.question_id = q.id JOIN fragment f ON f.id = q.fragment_id
"""
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


class Ledger:
    def __init__(self, path: Path) -> None:
        """Open the ledger at `path`, or make it. Raises UserError if the file is not ours."""
        self.path = path
        with self._explained():
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10)
            self._db.execute("PRAGMA foreign_keys = ON")
            tables = self._one("SELECT count(*) FROM sqlite_schema")
            if tables and self._one("PRAGMA application_id") != APPLICATION_ID:
                raise UserError(f"{path}: not a ledger of Self-Evolution; give another --run")
            if tables and self._one("PRAGMA user_version") != VERSION:
                raise UserError(f"{path}: made by another version of Self-Evolution; start anew")
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

    # -- writing -----------------------------------------------------------------------------

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
                table = type(row).__name__.lower()
                names = [field.name for field in dataclasses.fields(row)]
                columns = ", ".join(f'"{name}"' for name in names)
                marks = ", ".join("?" * len(names))
                self._db.execute(
                    f"INSERT INTO {table} ({columns}) VALUES ({marks})",
                    [_store(name, getattr(row, name)) for name in names],
                )

    def set_meta(self, key: str, value: Any) -> None:
        with self.transaction():
            self._db.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = ?2",
                (key, json.dumps(value, ensure_ascii=False, sort_keys=True)),
            )

    def log_stage(self, row: StageRow) -> None:
        """Add the items and times of `row` to what the stage has already cost."""
        with self.transaction():
            self._db.execute(
                """INSERT INTO stage VALUES (?, ?, ?, ?, ?, ?, ?)
                   ON CONFLICT (generation, name) DO UPDATE SET items = items + ?3,
                   seconds = seconds + ?4, cpu_seconds = cpu_seconds + ?5, done = ?6, note = ?7""",
                row,
            )

    def reopen(self, *stages: str) -> None:
        """Mark stages as not done, in every generation, because there is more for them to do."""
        with self.transaction():
            self._db.executemany(
                "UPDATE stage SET done = 0 WHERE name = ?", [(name,) for name in stages]
            )

    # -- settings and progress ---------------------------------------------------------------

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

    # -- documents and fragments -------------------------------------------------------------

    def documents(self) -> list[Document]:
        return self._rows(Document, "ORDER BY path")

    def sections_to_split(self) -> list[Section]:
        """Sections of which there is no fragment yet, in reading order."""
        return self._rows(
            Section,
            """WHERE id NOT IN (SELECT section_id FROM fragment)
               ORDER BY (SELECT path FROM document WHERE id = document_id), position""",
        )

    def count(self, table: str) -> int:
        assert table in TABLES
        return int(self._one(f"SELECT count(*) FROM {table}"))

    def first_fragments(self) -> dict[str, str]:
        """{text: id} of every fragment that is no duplicate."""
        query = "SELECT text, id FROM fragment WHERE duplicate_of IS NULL"
        return dict(self._db.execute(query))

    def live_fragments(self) -> list[tuple[str, int]]:
        """(id, tokens) of the fragments to ask about: all but duplicates."""
        query = "SELECT id, tokens FROM fragment WHERE duplicate_of IS NULL"
        return self._db.execute(query).fetchall()

    def fragments(self, ids: Sequence[str]) -> list[Fragment]:
        return self._by_id(Fragment, ids)

    # -- questions, answers, pairs -----------------------------------------------------------

    def asked(self, generation: int, sample: int) -> set[str]:
        """Fragments that have their question number `sample` in this generation."""
        query = "SELECT fragment_id FROM question WHERE generation = ? AND sample = ?"
        return {row[0] for row in self._db.execute(query, (generation, sample))}

    def questions_of(self, generation: int, fragment_id: str) -> list[str]:
        """This generation's questions about a fragment, in the order of asking."""
        query = "SELECT text FROM question WHERE fragment_id = ? AND generation = ? ORDER BY sample"
        return [row[0] for row in self._db.execute(query, (fragment_id, generation))]

    def questions(self, generation: int) -> list[tuple[str, int]]:
        """(id, length of question and fragment in tokens, roughly) of a generation."""
        query = """SELECT q.id, f.tokens + length(q.text) / 4 FROM question q
                   JOIN fragment f ON f.id = q.fragment_id WHERE q.generation = ?"""
        return self._db.execute(query, (generation,)).fetchall()

    def answered(self, generation: int) -> set[str]:
        """Questions of a generation that have an answer."""
        query = """SELECT q.id FROM question q JOIN answer a ON a.question_id = q.id
                   WHERE q.generation = ?"""
        return {row[0] for row in self._db.execute(query, (generation,))}

    def questions_with_fragments(
        self, ids: Sequence[str]
    ) -> list[tuple[records.Question, Fragment]]:
        """In the order of `ids`."""
        asked = self._by_id(records.Question, ids)
        fragments = {f.id: f for f in self.fragments([q.fragment_id for q in asked])}
        return [(question, fragments[question.fragment_id]) for question in asked]

    def pair_lengths(self, generation: int) -> list[tuple[str, int]]:
        """(answer id, characters of question and answer) of a generation."""
        query = """SELECT a.id, length(q.text) + length(a.text) FROM question q
                   JOIN answer a ON a.question_id = q.id WHERE q.generation = ?"""
        return self._db.execute(query, (generation,)).fetchall()

    def kept_lengths(self, generation: int) -> list[tuple[str, int]]:
        """The same of those that the check stage kept."""
        query = """SELECT a.id, length(q.text) + length(a.text) FROM question q
                   JOIN answer a ON a.question_id = q.id JOIN verdict v ON v.answer_id = a.id
                   WHERE q.generation = ? AND v.reason IS NULL"""
        return self._db.execute(query, (generation,)).fetchall()

    def pairs(self, ids: Sequence[str]) -> list[Pair]:
        """In the order of `ids` (answer ids)."""
        found: dict[str, Pair] = {}
        for chunk in _chunks(ids):
            query = f"{_PAIRS} WHERE a.id IN ({','.join('?' * len(chunk))})"
            found.update((row[0], Pair(*row)) for row in self._db.execute(query, chunk))
        return [found[id] for id in ids]

    def question_finish(self, ids: Sequence[str]) -> dict[str, str]:
        """{answer id: how the generation of its question ended}."""
        found: dict[str, str] = {}
        for chunk in _chunks(ids):
            query = f"""SELECT a.id, q.finish FROM answer a JOIN question q ON q.id = a.question_id
                        WHERE a.id IN ({",".join("?" * len(chunk))})"""
            found.update(self._db.execute(query, chunk))
        return found

    def checked(self, generation: int) -> set[str]:
        query = """SELECT v.answer_id FROM verdict v JOIN answer a ON a.id = v.answer_id
                   JOIN question q ON q.id = a.question_id WHERE q.generation = ?"""
        return {row[0] for row in self._db.execute(query, (generation,))}

    def kept_texts(self, before: int) -> Iterator[tuple[str, str]]:
        """(question, answer) of the pairs that were kept in the generations before."""
        query = """SELECT q.text, a.text FROM question q JOIN answer a ON a.question_id = q.id
                   JOIN verdict v ON v.answer_id = a.id
                   WHERE q.generation < ? AND v.reason IS NULL"""
        return iter(self._db.execute(query, (before,)))

    def scored(self, generation: int) -> set[str]:
        query = """SELECT s.answer_id FROM score s JOIN answer a ON a.id = s.answer_id
                   JOIN question q ON q.id = a.question_id WHERE q.generation = ?"""
        return {row[0] for row in self._db.execute(query, (generation,))}

    # -- selection and training --------------------------------------------------------------

    def trainable(self, generation: int, outcomes: Sequence[str]) -> list[str]:
        """Answers of this generation that were kept and whose scoring had one of `outcomes`."""
        marks = ",".join("?" * len(outcomes))
        query = f"""SELECT a.id FROM question q JOIN answer a ON a.question_id = q.id
                    JOIN score s ON s.answer_id = a.id
                    WHERE q.generation = ? AND s.outcome IN ({marks}) ORDER BY a.id"""
        return [row[0] for row in self._db.execute(query, (generation, *outcomes))]

    def history(self, before: int) -> list[tuple[str, float]]:
        """(answer id, IFD) of every scored pair of the generations before."""
        query = """SELECT a.id, s.ifd FROM question q JOIN answer a ON a.question_id = q.id
                   JOIN score s ON s.answer_id = a.id
                   WHERE q.generation < ? AND s.outcome = 'scored' ORDER BY a.id"""
        return self._db.execute(query, (before,)).fetchall()

    def conversations(self) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT id FROM conversation ORDER BY id")]

    def selection(self, generation: int) -> list[Selection]:
        return self._rows(Selection, "WHERE generation = ? ORDER BY position", (generation,))

    def selected_pairs(self, generation: int) -> list[tuple[str, str]]:
        """(question, answer) of the selection, in its order."""
        query = """SELECT q.text, a.text FROM selection s JOIN answer a ON a.id = s.answer_id
                   JOIN question q ON q.id = a.question_id
                   WHERE s.generation = ? ORDER BY s.position"""
        return self._db.execute(query, (generation,)).fetchall()

    def selected_conversations(self, generation: int) -> list[list[Message]]:
        """The rehearsal of the selection, in its order."""
        query = """SELECT c.messages FROM selection s
                   JOIN conversation c ON c.id = s.conversation_id
                   WHERE s.generation = ? ORDER BY s.position"""
        return [json.loads(row[0]) for row in self._db.execute(query, (generation,))]

    def adapters(self) -> list[Adapter]:
        return self._rows(Adapter, "ORDER BY generation")

    # -- evaluation and promotion ------------------------------------------------------------

    def items(self, suite: str) -> list[Item]:
        return self._rows(Item, "WHERE suite = ? ORDER BY position", (suite,))

    def questions_in_evaluation(self) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT question FROM item ORDER BY id")]

    def predicted(self, generation: int, mode: str) -> set[str]:
        query = "SELECT item_id FROM prediction WHERE generation = ? AND mode = ?"
        return {row[0] for row in self._db.execute(query, (generation, mode))}

    def predictions(self, generation: int, suite: str, mode: str) -> list[tuple[Item, str]]:
        """(item, predicted text) in the order of the items."""
        texts = dict(
            self._db.execute(
                "SELECT item_id, text FROM prediction WHERE generation = ? AND mode = ?",
                (generation, mode),
            )
        )
        return [(item, texts[item.id]) for item in self.items(suite) if item.id in texts]

    def evaluations(self) -> list[Evaluation]:
        return self._rows(Evaluation, "ORDER BY generation, suite, mode, metric")

    def promotions(self) -> list[Promotion]:
        return self._rows(Promotion, "ORDER BY generation")

    # -- what people ask of a run ------------------------------------------------------------

    def reasons(self) -> list[tuple[int, str, int]]:
        """(generation, reason, pairs): why pairs were rejected, the commonest first."""
        query = """SELECT q.generation, v.reason, count(*) AS n FROM verdict v
                   JOIN answer a ON a.id = v.answer_id JOIN question q ON q.id = a.question_id
                   WHERE v.reason IS NOT NULL GROUP BY 1, 2 ORDER BY 1, n DESC, 2"""
        return self._db.execute(query).fetchall()

    def outcomes(self) -> list[tuple[int, str, int]]:
        """(generation, outcome, pairs): what became of scoring."""
        query = """SELECT q.generation, s.outcome, count(*) AS n FROM score s
                   JOIN answer a ON a.id = s.answer_id JOIN question q ON q.id = a.question_id
                   GROUP BY 1, 2 ORDER BY 1, n DESC, 2"""
        return self._db.execute(query).fetchall()

    def funnel(self) -> list[dict[str, int]]:
        """A row a generation: questions, answers, kept, scored, and the selection by source."""
        query = """SELECT q.generation AS generation, count(*) AS questions,
                     count(a.id) AS answers, sum(v.answer_id IS NOT NULL AND v.reason IS NULL)
                     AS kept, sum(coalesce(s.outcome = 'scored', 0)) AS scored
                   FROM question q LEFT JOIN answer a ON a.question_id = q.id
                   LEFT JOIN verdict v ON v.answer_id = a.id LEFT JOIN score s ON s.answer_id = a.id
                   GROUP BY 1 ORDER BY 1"""
        names = ("generation", "questions", "answers", "kept", "scored")
        rows = [dict(zip(names, row, strict=True)) for row in self._db.execute(query)]
        for row in rows:
            row |= {"new": 0, "replay": 0, "rehearsal": 0}
            query = "SELECT source, count(*) FROM selection WHERE generation = ? GROUP BY 1"
            row.update(self._db.execute(query, (row["generation"],)).fetchall())
        return rows

    def fragment_counts(self) -> dict[str, int]:
        """{"documents", "unreadable", "sections", "fragments", "duplicates"}."""
        query = """SELECT (SELECT count(*) FROM document WHERE problem IS NULL),
                   (SELECT count(*) FROM document WHERE problem IS NOT NULL),
                   (SELECT count(*) FROM section), (SELECT count(*) FROM fragment),
                   (SELECT count(*) FROM fragment WHERE duplicate_of IS NOT NULL)"""
        names = ("documents", "unreadable", "sections", "fragments", "duplicates")
        return dict(zip(names, self._db.execute(query).fetchone(), strict=True))

    def sample_pairs(self, generation: int, limit: int) -> list[dict[str, Any]]:
        """Kept pairs spread over the IFD ranking of a generation (those without IFD come last)."""
        kept = """FROM question q JOIN answer a ON a.question_id = q.id
                  JOIN verdict v ON v.answer_id = a.id LEFT JOIN score s ON s.answer_id = a.id
                  WHERE q.generation = ? AND v.reason IS NULL"""
        total = self._db.execute(f"SELECT count(*) {kept}", (generation,)).fetchone()[0]
        step = max(1.0, (total - 1) / max(1, limit - 1))
        places = sorted({round(i * step) for i in range(limit) if round(i * step) < total})
        query = f"""SELECT id FROM (SELECT a.id, row_number() OVER
                      (ORDER BY s.ifd IS NULL, s.ifd DESC, a.id) - 1 AS place {kept})
                    WHERE place IN ({",".join(map(str, places))}) ORDER BY place"""
        return self._described([row[0] for row in self._db.execute(query, (generation,))])

    def sample_rejected(self, generation: int, each: int) -> list[dict[str, Any]]:
        """At most `each` rejected pairs for every reason of a generation, by reason."""
        query = """SELECT id FROM (SELECT a.id, v.reason, row_number() OVER
                     (PARTITION BY v.reason ORDER BY a.id) AS place
                     FROM question q JOIN answer a ON a.question_id = q.id
                     JOIN verdict v ON v.answer_id = a.id
                     WHERE q.generation = ? AND v.reason IS NOT NULL)
                   WHERE place <= ? ORDER BY reason, place"""
        return self._described([row[0] for row in self._db.execute(query, (generation, each))])

    def _described(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """All that is known of pairs, in the order of `ids` (answer ids)."""
        columns = {
            "id": "a.id",
            "generation": "q.generation",
            "question": "q.text",
            "answer": "a.text",
            "fragment": "f.text",
            "heading": "f.heading",
            "path": "d.path",
            "reason": "v.reason",
            "detail": "v.detail",
            "outcome": "s.outcome",
            "ifd": "s.ifd",
            "nll_given_question": "s.nll_given_question",
            "nll_alone": "s.nll_alone",
        }
        found: dict[str, dict[str, Any]] = {}
        for chunk in _chunks(ids):
            query = f"""SELECT {", ".join(columns.values())} FROM answer a
                        JOIN question q ON q.id = a.question_id
                        JOIN fragment f ON f.id = q.fragment_id
                        JOIN document d ON d.id = f.document_id
                        LEFT JOIN verdict v ON v.answer_id = a.id
                        LEFT JOIN score s ON s.answer_id = a.id
                        WHERE a.id IN ({",".join("?" * len(chunk))})"""
            for row in self._db.execute(query, chunk):
                pair = dict(zip(columns, row, strict=True))
                found[pair["id"]] = pair | {"heading": tuple(json.loads(pair["heading"]))}
        return [found[id] for id in ids]

    def export(self) -> Iterator[tuple[str, Iterator[str]]]:
        """(table, its rows as JSON lines) in a fixed order: equal runs give equal bytes."""
        for table, cls in TABLES.items():
            names = [field.name for field in dataclasses.fields(cls)]
            keys = [row[1] for row in self._db.execute(f"PRAGMA table_info({table})") if row[5]]
            yield table, self._export_rows(cls, names, keys)

    def _export_rows(self, cls: type[Any], names: list[str], keys: list[str]) -> Iterator[str]:
        for row in self._rows(cls, f"ORDER BY {', '.join(keys)}"):
            values = {name: getattr(row, name) for name in names}
            yield json.dumps(values, ensure_ascii=False, sort_keys=True)

    # -- the machinery -----------------------------------------------------------------------

    def _one(self, query: str) -> Any:
        return self._db.execute(query).fetchone()[0]

    def _rows(self, cls: type[Row], tail: str, parameters: Sequence[Any] = ()) -> list[Row]:
        names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
        columns = ", ".join(f'"{name}"' for name in names)
        query = f"SELECT {columns} FROM {cls.__name__.lower()} {tail}"
        return [
            cls(*(_load(name, value) for name, value in zip(names, row, strict=True)))
            for row in self._db.execute(query, parameters)
        ]

    def _by_id(self, cls: type[Row], ids: Sequence[str]) -> list[Row]:
        found: dict[str, Row] = {}
        for chunk in _chunks(sorted(set(ids))):
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
            elif "unable to open" in text or "readonly" in text:
                cure = "give a --run folder that you may write to"
            else:
                raise
            raise UserError(f"{self.path}: {text}; {cure}") from None
        except sqlite3.DatabaseError as error:
            if "not a database" not in str(error) and "malformed" not in str(error):
                raise
            raise UserError(
                f"{self.path}: {error}; not a ledger of Self-Evolution, give another --run"
            ) from None


def _store(name: str, value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if name in _JSON and value is not None else value


def _load(name: str, value: Any) -> Any:
    if name in _JSON and value is not None:
        return tuple(json.loads(value))
    return bool(value) if name in _BOOL else value


def _chunks(ids: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    return (ids[i : i + size] for i in range(0, len(ids), size))
