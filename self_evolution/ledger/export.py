"""Every row of a run as lines of JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from self_evolution.ledger.database import TABLES, Database


def export(database: Database) -> Iterator[tuple[str, Iterator[str]]]:
    """(table, its rows as JSON lines) in a fixed order: equal runs give equal bytes."""
    for table, cls in TABLES.items():
        columns = database.execute(f"PRAGMA table_info({table})")
        yield table, _lines(database, cls, [row[1] for row in columns if row[5]])
    gone = ({"table": table, "id": id} for table, id in _withdrawn(database))
    yield "withdrawn", (json.dumps(row, sort_keys=True) for row in gone)


def _lines(database: Database, cls: type[Any], keys: list[str]) -> Iterator[str]:
    names = [field.name for field in dataclasses.fields(cls)]
    for row in database.stream(cls, f"ORDER BY {', '.join(keys)}"):
        values = {name: getattr(row, name) for name in names}
        yield json.dumps(values, ensure_ascii=False, sort_keys=True)


def _withdrawn(database: Database) -> Iterator[tuple[str, str]]:
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
      ), touched (generation) AS (
        SELECT generation FROM selection WHERE answer_id IN (SELECT answer FROM pair)
        UNION SELECT a.generation FROM adapter a JOIN touched t ON a.parent = t.generation
      )
      SELECT 'document', id FROM document WHERE id NOT IN (SELECT id FROM live_document)
      UNION SELECT 'fragment', id FROM gone
      UNION SELECT 'question', question FROM pair
      UNION SELECT 'answer', answer FROM pair WHERE answer IS NOT NULL
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
    return iter(database.execute(query))
