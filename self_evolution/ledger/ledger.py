"""The ledger of a run, with its parts by name."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from self_evolution.ledger.contradictions import Contradictions
from self_evolution.ledger.corrections import Corrections
from self_evolution.ledger.database import TABLES, Database
from self_evolution.ledger.documents import Documents
from self_evolution.ledger.evaluations import Evaluations
from self_evolution.ledger.fragments import Fragments
from self_evolution.ledger.items import Items
from self_evolution.ledger.pairs import Pairs
from self_evolution.ledger.queue import Queue, Task
from self_evolution.ledger.rewrites import Rewrites
from self_evolution.ledger.search import SearchIndex
from self_evolution.ledger.sources import Sources
from self_evolution.ledger.teachers import Teachers
from self_evolution.ledger.training import Training
from self_evolution.ledger.trusted import Trusted


class StageRow(NamedTuple):
    """The state of a stage of a generation, and its cost.

    `tokens` are those that models have read, written, trained on or scored; `memory` is the most
    that the process had taken when the stage ended, in bytes.
    """

    generation: int
    name: str
    items: int
    seconds: float
    cpu_seconds: float
    done: bool
    note: str
    tokens: int = 0
    memory: int = 0


class ForecastRow(NamedTuple):
    """What a stage of a generation is expected to take: `low` and `high` bound its seconds."""

    generation: int
    name: str
    tokens: float
    seconds: float
    low: float
    high: float
    cpu_seconds: float
    memory: int


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
        self.rewrites = Rewrites(self)
        self.training = Training(self)
        self.evaluations = Evaluations(self)
        self.search = SearchIndex(self)

    def export(self) -> Iterator[tuple[str, Iterator[str]]]:
        """(table, its rows as JSON lines) in a fixed order: equal runs give equal bytes."""
        for table, cls in TABLES.items():
            columns = self.execute(f"PRAGMA table_info({table})")
            yield table, _lines(self, cls, [row[1] for row in columns if row[5]])
        gone = ({"table": table, "id": id} for table, id in _withdrawn(self))
        yield "withdrawn", (json.dumps(row, sort_keys=True) for row in gone)

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
        """Add the times and tokens of `row` to the cost of the stage; the other columns replace the
        old ones."""
        with self.transaction():
            self.execute(
                """INSERT INTO stage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                   ON CONFLICT (generation, name) DO UPDATE SET
                   items = excluded.items, seconds = seconds + excluded.seconds,
                   cpu_seconds = cpu_seconds + excluded.cpu_seconds, done = excluded.done,
                   note = excluded.note, tokens = tokens + excluded.tokens,
                   memory = max(memory, excluded.memory)""",
                row,
            )

    def forecast(self) -> dict[tuple[int, str], ForecastRow]:
        """{(generation, stage): what it was expected to take}; empty if there was no forecast."""
        rows = (ForecastRow(*row) for row in self.execute("SELECT * FROM forecast"))
        return {(row.generation, row.name): row for row in rows}

    def set_forecast(self, rows: Iterable[ForecastRow]) -> None:
        """Keep the forecast in place of the one before."""
        with self.transaction():
            self.execute("DELETE FROM forecast")
            self.execute_many("INSERT INTO forecast VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def reopen(self, *stages: str) -> None:
        """Mark stages as not done, in every generation, because there is new work for them."""
        rows = [(name,) for name in stages]
        self.execute_many("UPDATE stage SET done = 0 WHERE name = ?", rows)


def _lines(ledger: Ledger, cls: type[Any], keys: list[str]) -> Iterator[str]:
    names = [field.name for field in dataclasses.fields(cls)]
    for row in ledger.stream(cls, f"ORDER BY {', '.join(keys)}"):
        values = {name: getattr(row, name) for name in names}
        yield json.dumps(values, ensure_ascii=False, sort_keys=True)


def _withdrawn(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """(table, id) of every row that depends on a document that is gone, in a fixed order.

    A trusted pair that its file no longer has is gone too.

    Predictions depend on it if their test question or a fragment in their prompt does, or if their
    model, or one it continues, was trained on such a pair. Judgements depend on it through their
    question or their model.
    """
    query = """
      WITH RECURSIVE gone AS MATERIALIZED (
        SELECT id FROM fragment
        WHERE document_id NOT IN (SELECT id FROM live_document)
        AND id NOT IN (SELECT id FROM live_fragment)
      ), pair AS (
        SELECT q.id AS question, a.id AS answer FROM question q
        LEFT JOIN answer a ON a.question_id = q.id
        WHERE CASE q.origin
          WHEN 'generated' THEN q.fragment_id NOT IN (SELECT id FROM live_fragment)
          ELSE q.id NOT IN (SELECT id FROM present_question) END
      ), test AS (
        SELECT id FROM item WHERE fragment_id IS NOT NULL
        AND fragment_id NOT IN (SELECT id FROM live_fragment)
      ), rewritten AS (
        SELECT id FROM rewrite WHERE fragment_id NOT IN (SELECT id FROM live_fragment)
      ), touched (generation) AS (
        SELECT generation FROM selection WHERE answer_id IN (SELECT answer FROM pair)
        OR rewrite_id IN (SELECT id FROM rewritten)
        UNION SELECT a.generation FROM adapter a JOIN touched t ON a.parent = t.generation
      )
      SELECT 'document', id FROM document WHERE id NOT IN (SELECT id FROM live_document)
      UNION SELECT 'fragment', id FROM gone
      UNION SELECT 'question', question FROM pair
      UNION SELECT 'answer', answer FROM pair WHERE answer IS NOT NULL
      UNION SELECT 'rewrite', id FROM rewritten
      UNION SELECT 'item', id FROM test
      UNION SELECT 'candidate', id FROM candidate WHERE fragment_id IS NOT NULL
        AND fragment_id NOT IN (SELECT id FROM live_fragment)
      UNION SELECT 'prediction', id FROM prediction
        WHERE generation IN (SELECT generation FROM touched)
        OR item_id IN (SELECT id FROM test)
      UNION SELECT 'prediction', p.id FROM prediction p, json_each(p.sources) shown
        WHERE shown.value IN (SELECT id FROM gone)
      UNION SELECT 'judgement', id FROM judgement
        WHERE generation IN (SELECT generation FROM touched)
        OR item_id IN (SELECT id FROM test)
      ORDER BY 1, 2"""
    return iter(ledger.execute(query))
