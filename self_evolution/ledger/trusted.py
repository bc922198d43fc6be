"""Trusted pairs: the rows of the user's own files, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from self_evolution.ledger.database import Part


@dataclass(frozen=True, slots=True)
class TrustedCounts:
    """The answers in the user's file of pairs, and what became of them; all 0 without such a file.

    `rows` counts answers as they stand in the file, `pairs` each different one, `placed` those
    whose fragment is known. `stopped` are test questions, `held_out` are about a document that is
    kept out of training, `near` are kept and resemble a test question.
    """

    rows: int
    pairs: int
    placed: int
    kept: int
    stopped: int
    held_out: int
    near: int


class Disagreement(NamedTuple):
    """A question that has several answers, and the rows of its first and its second one."""

    question: str
    first: int
    second: int


class Trusted(Part):
    """The file that was taken in last counts: its rows are live, those of files before are not."""

    def questions(self) -> set[str]:
        """Ids of all trusted questions, live or not."""
        return set(self._db.column("SELECT id FROM question WHERE origin = 'trusted'"))

    def knows(self, sha256: str) -> bool:
        """Whether the rows of that file are there."""
        return bool(self._db.one("SELECT 1 FROM trusted_row WHERE sha256 = ?", (sha256,)))

    def entered(self, generation: int) -> bool:
        """Whether any pair that is still in the file came in with that generation."""
        query = """SELECT 1 FROM live_trusted_row t JOIN question q ON q.id = t.question_id
                   WHERE q.generation = ?"""
        return bool(self._db.one(query, (generation,)))

    def counts(self) -> TrustedCounts:
        query = """
          WITH pair AS (
            SELECT q.fragment_id IS NOT NULL AS placed, v.answer_id AS checked, v.reason AS reason,
              l.answer_id IS NOT NULL AS near
            FROM question q JOIN answer a ON a.question_id = q.id
            LEFT JOIN verdict v ON v.answer_id = a.id LEFT JOIN likeness l ON l.answer_id = a.id
            WHERE q.id IN (SELECT question_id FROM live_trusted_row)
          )
          SELECT (SELECT count(*) FROM live_trusted_row), count(*), coalesce(sum(placed), 0),
            coalesce(sum(checked IS NOT NULL AND reason IS NULL), 0),
            coalesce(sum(reason = 'in_evaluation'), 0), coalesce(sum(reason = 'held_out'), 0),
            coalesce(sum(near), 0)
          FROM pair"""
        return TrustedCounts(*self._db.execute(query).fetchone())

    def disagreements(self) -> list[Disagreement]:
        """The questions that have more than one answer in the file, in the order of its rows."""
        query = """
          WITH pair AS (
            SELECT q.turns || lower(q.text) AS asked, q.text AS text, min(t."row") AS place
            FROM live_trusted_row t JOIN question q ON q.id = t.question_id GROUP BY q.id
          ), ranked AS (
            SELECT text, place, lead(place) OVER (PARTITION BY asked ORDER BY place) AS next,
              row_number() OVER (PARTITION BY asked ORDER BY place) AS rank FROM pair
          )
          SELECT text, place, next FROM ranked WHERE rank = 1 AND next IS NOT NULL ORDER BY place"""
        return [Disagreement(*row) for row in self._db.execute(query)]
