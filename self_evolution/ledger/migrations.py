"""The numbered steps by which a ledger of an earlier version becomes one of today's.

A new ledger takes all of them, so it cannot differ from an older one that was brought up to date.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_PREDICTION_SCORES = """
-- A metric with its settings and the versions of its libraries, as scores were made with it.
CREATE TABLE signature (
  id INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

-- What a metric says of a prediction, in percent; NULL where the metric does not apply.
CREATE TABLE prediction_score (
  prediction_id TEXT NOT NULL REFERENCES prediction (id),
  signature_id INTEGER NOT NULL REFERENCES signature (id),
  value REAL,
  PRIMARY KEY (prediction_id, signature_id)
) STRICT, WITHOUT ROWID;
"""


_NAMES = """
ALTER TABLE seal RENAME TO lock;
UPDATE stage SET name = 'build' WHERE name = 'examine';
"""

_REHEARSAL = """
-- What may be rehearsed: given by the user, or made by the base, with the reason if it is not used.
ALTER TABLE conversation ADD COLUMN origin TEXT NOT NULL DEFAULT 'given'
  CHECK (origin IN ('given', 'topics', 'template', 'fragments'));
ALTER TABLE conversation ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN question TEXT NOT NULL DEFAULT '';
ALTER TABLE conversation ADD COLUMN topic TEXT;
ALTER TABLE conversation ADD COLUMN fragment_id TEXT REFERENCES fragment (id);
ALTER TABLE conversation ADD COLUMN reason TEXT;
CREATE INDEX conversation_origin ON conversation (origin, position);
ALTER TABLE adapter ADD COLUMN divergence REAL;
-- A run that began without it goes on without it.
UPDATE meta SET value = json_set(
  value, '$.train.rehearsal_loss', 'nll',
  '$.rehearse', json('{"topics": 0, "template": 0, "fragments": 0}')
) WHERE key = 'settings';
"""


class Step(NamedTuple):
    """The SQL that brings a ledger to `version` from the version before."""

    version: int
    name: str
    sql: str


STEPS = (
    Step(4, "tables", Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")),
    Step(5, "scores of predictions", _PREDICTION_SCORES),
    Step(6, "names of the field", _NAMES),
    Step(7, "rehearsal that the base makes", _REHEARSAL),
)
"""Steps by version. A step that was released is never changed: another one follows it."""

OLDEST, VERSION = STEPS[0].version, STEPS[-1].version
"""The versions of ledgers that can be opened, as SQLite's `user_version` has them."""


def migrate(connection: sqlite3.Connection) -> None:
    """Apply the steps that are not done yet: all of them, or none if one fails.

    A ledger without any table has version 0. The connection must not be in a transaction.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read inside the transaction: another process may have taken the steps meanwhile.
        (done,) = connection.execute("PRAGMA user_version").fetchone()
        for step in STEPS:
            if step.version > done:
                for statement in _statements(step.sql):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {step.version}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(sql: str) -> Iterator[str]:
    text = ""
    for line in sql.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            yield text
            text = ""
