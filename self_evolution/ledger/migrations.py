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

_TRUSTED_PAIRS = """
-- A question is generated about a fragment, or trusted: it comes from the user's own pairs, with
-- the turns before it, and its fragment may be unknown.
CREATE TABLE question_anew (
  id TEXT PRIMARY KEY,
  generation INTEGER NOT NULL,
  fragment_id TEXT REFERENCES fragment (id),
  sample INTEGER NOT NULL,
  text TEXT NOT NULL,
  finish TEXT NOT NULL,
  origin TEXT NOT NULL CHECK (origin IN ('generated', 'trusted')),
  turns TEXT NOT NULL,
  CHECK (origin = 'trusted' OR fragment_id IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO question_anew
  SELECT id, generation, fragment_id, sample, text, finish, 'generated', '[]' FROM question;
DROP TABLE question;
ALTER TABLE question_anew RENAME TO question;
CREATE INDEX question_fragment ON question (fragment_id, generation);
CREATE UNIQUE INDEX question_generated ON question (generation, sample, fragment_id)
  WHERE origin = 'generated';

-- The rows of every file of trusted pairs that was taken in.
CREATE TABLE trusted_row (
  sha256 TEXT NOT NULL,
  "row" INTEGER NOT NULL,
  turn INTEGER NOT NULL,
  path TEXT NOT NULL,
  question_id TEXT NOT NULL REFERENCES question (id),
  passage TEXT NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (sha256, "row", turn)
) STRICT, WITHOUT ROWID;
CREATE INDEX trusted_row_question ON trusted_row (question_id);

-- The file that was taken in last is the one that counts.
CREATE VIEW live_trusted_row AS
  SELECT * FROM trusted_row WHERE sha256 = (
    SELECT json_extract(value, '$') FROM meta WHERE key = 'trusted'
  );

-- The questions that may be used: generated ones whose fragment may be asked about, and trusted
-- ones that are still in their file.
CREATE VIEW live_question AS
  SELECT id FROM question
  WHERE origin = 'generated' AND fragment_id IN (SELECT id FROM training_fragment)
  UNION ALL SELECT DISTINCT question_id FROM live_trusted_row;
"""

_RECITATIONS = """
CREATE TABLE recitation (
  answer_id TEXT NOT NULL REFERENCES answer (id),
  generation INTEGER NOT NULL,
  text TEXT NOT NULL,
  known REAL NOT NULL,
  PRIMARY KEY (generation, answer_id)
) WITHOUT ROWID;
"""

_QUOTATIONS = """
-- The text of a fragment without what a mail quotes of others: NULL where nothing is quoted.
-- Nothing is asked about a fragment that is left empty.
ALTER TABLE fragment ADD COLUMN own TEXT;
DROP VIEW training_fragment;
CREATE VIEW training_fragment AS
  WITH held AS (
    SELECT id FROM fragment WHERE document_id IN (SELECT id FROM held_document)
  )
  SELECT f.id FROM live_fragment l JOIN fragment f ON f.id = l.id
  WHERE f.id NOT IN (SELECT id FROM held) AND f.own IS NOT ''
    AND (f.duplicate_of IS NULL OR f.duplicate_of NOT IN (SELECT id FROM held));
"""

_TEACHERS = """
CREATE TABLE teacher (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The questions, answers and built test questions that a teacher wrote.
CREATE TABLE taught (
  id TEXT PRIMARY KEY,
  teacher_id TEXT NOT NULL REFERENCES teacher (id)
) STRICT, WITHOUT ROWID;
"""


_CORRECTIONS = """
-- What people said about answers. The last correction of a question counts. Where it only finds
-- the answer right that an earlier one wanted, that one counts too: it has other wordings.
CREATE TABLE correction (
  id TEXT PRIMARY KEY,
  generation INTEGER NOT NULL,
  position INTEGER NOT NULL UNIQUE,
  time TEXT NOT NULL,
  verdict TEXT NOT NULL CHECK (verdict IN ('right', 'wrong', 'better')),
  question TEXT NOT NULL,
  answer TEXT NOT NULL,
  better TEXT NOT NULL,
  asked TEXT NOT NULL,
  fragment_id TEXT REFERENCES fragment (id),
  answered_by INTEGER NOT NULL,
  adapter TEXT NOT NULL,
  reviewer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX correction_asked ON correction (asked, position);
CREATE VIEW live_correction AS
  SELECT * FROM correction c WHERE NOT EXISTS (
    SELECT 1 FROM correction later WHERE later.asked = c.asked AND later.position > c.position
      AND NOT (c.verdict = 'better' AND later.verdict = 'right' AND later.answer = c.better)
  );

-- The pairs that a correction taught, and those that it removed from training.
CREATE TABLE correction_pair (
  correction_id TEXT NOT NULL REFERENCES correction (id),
  answer_id TEXT NOT NULL REFERENCES answer (id),
  kind TEXT NOT NULL CHECK (kind IN ('taught', 'removed')),
  PRIMARY KEY (correction_id, answer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX correction_pair_answer ON correction_pair (answer_id);

-- Questions by which it is seen whether corrections were learnt; held ones are in other words.
CREATE TABLE recheck (
  id TEXT PRIMARY KEY,
  correction_id TEXT NOT NULL REFERENCES correction (id),
  question TEXT NOT NULL,
  held INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE recheck_answer (
  generation INTEGER NOT NULL,
  recheck_id TEXT NOT NULL REFERENCES recheck (id),
  text TEXT NOT NULL,
  correct INTEGER NOT NULL,
  PRIMARY KEY (generation, recheck_id)
) STRICT, WITHOUT ROWID;

-- The pairs of corrections may be used too, and none that a live correction removed.
DROP VIEW live_question;
CREATE VIEW live_question AS
  SELECT id FROM (
    SELECT id FROM question
    WHERE origin = 'generated' AND fragment_id IN (SELECT id FROM training_fragment)
    UNION SELECT question_id FROM live_trusted_row
    UNION SELECT a.question_id FROM correction_pair p JOIN answer a ON a.id = p.answer_id
      WHERE p.kind = 'taught' AND p.correction_id IN (SELECT id FROM live_correction)
  ) WHERE id NOT IN (
    SELECT a.question_id FROM correction_pair p JOIN answer a ON a.id = p.answer_id
    WHERE p.kind = 'removed' AND p.correction_id IN (SELECT id FROM live_correction)
  );
"""


class Step(NamedTuple):
    """The SQL that brings a ledger to `version` from the version before."""

    version: int
    name: str
    sql: str


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


STEPS = (
    Step(4, "tables", _file("schema.sql")),
    Step(5, "scores of predictions", _PREDICTION_SCORES),
    Step(6, "names of the field", _NAMES),
    Step(7, "rehearsal that the base makes", _REHEARSAL),
    Step(8, "trusted pairs", _TRUSTED_PAIRS),
    Step(9, "recitations", _RECITATIONS),
    Step(10, "quotations in mail", _QUOTATIONS),
    Step(11, "teachers", _TEACHERS),
    Step(12, "corrections", _CORRECTIONS),
    Step(13, "contradictions", _file("contradictions.sql")),
    Step(14, "forecasts", _file("forecasts.sql")),
    Step(15, "counts of pairs", _file("tally.sql")),
    Step(16, "rewrites", _file("rewrites.sql")),
    Step(17, "large runs", _file("large.sql")),
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
