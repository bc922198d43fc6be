"""Fragments: the texts that questions are asked about."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from self_evolution.ledger.database import IDS, Part, among
from self_evolution.records import Fragment


class Place(NamedTuple):
    """A fragment to build a test question on; `alone`: its document shares no text with others."""

    fragment_id: str
    document_id: str
    alone: bool


class Fragments(Part):
    """A fragment is live while it, or another with the same text, is in a live document."""

    def get(self, ids: Sequence[str]) -> list[Fragment]:
        """Fragments in the order of `ids`."""
        return self._db.by_id(Fragment, ids)

    def numbered(self, numbers: Sequence[int]) -> list[Fragment]:
        """Fragments in the order of their numbers."""
        return self._db.rows(Fragment, f"WHERE number IN {IDS} ORDER BY number", (among(numbers),))

    def of_document(self, document_id: str) -> list[Fragment]:
        """All fragments of a document, in reading order."""
        tail = 'WHERE document_id = ? ORDER BY "start", "end" DESC, id'
        return self._db.rows(Fragment, tail, (document_id,))

    def first(self) -> Iterator[Fragment]:
        """Every fragment that is no duplicate, in the order of making."""
        return self._db.stream(Fragment, "WHERE duplicate IS NULL ORDER BY number")

    def for_training(self) -> list[tuple[str, int]]:
        """(id, tokens) of the fragments to ask about: without duplicates, quotations, gone and
        held-out ones."""
        return self._db.execute("SELECT id, tokens FROM training_fragment").fetchall()

    def drawn(self, most: int) -> list[Fragment]:
        """At most so many of the fragments to ask about, those with the first ids."""
        tail = "WHERE id IN (SELECT id FROM training_fragment ORDER BY id LIMIT ?) ORDER BY id"
        return self._db.rows(Fragment, tail, (most,))

    def count_for_training(self) -> int:
        """The number of fragments to ask about."""
        return int(self._db.one("SELECT count(*) FROM training_fragment"))

    def count_held_out(self) -> int:
        """The number of fragments that could be asked about but for the documents held out."""
        asked = int(self._db.one("SELECT count(*) FROM asked_fragment"))
        return asked - self.count_for_training()

    def places(self) -> list[Place]:
        """Every fragment that may be asked about, held out or not, in a fixed order."""
        query = """
          WITH pair AS (
            SELECT f.document_id AS one, o.document_id AS other
            FROM fragment f JOIN fragment o ON o.id = f.duplicate_of
            WHERE f.document_id <> o.document_id
          ), sharing AS (SELECT one AS id FROM pair UNION SELECT other FROM pair)
          SELECT id, document_id, document_id NOT IN (SELECT id FROM sharing)
          FROM asked_fragment ORDER BY id"""
        return [Place(id, document, bool(alone)) for id, document, alone in self._db.execute(query)]

    def passages(self) -> Iterator[tuple[tuple[str, ...], str, str]]:
        """(heading, text, first fragment) of sections of live documents whose sections overlap.

        The first fragment is that in which the section begins, or the one which that repeats.
        """
        query = """SELECT s.heading, s.text, (
                     SELECT coalesce(f.duplicate_of, f.id) FROM fragment f
                     WHERE f.document_id = s.document_id AND f."start" <= s."start"
                       AND f."end" > s."start" ORDER BY f."start", f.number LIMIT 1) AS first
                   FROM section s JOIN live_document d ON d.id = s.document_id
                   WHERE first IS NOT NULL
                     AND d.id IN (SELECT document_id FROM section WHERE overlap > 0)
                   ORDER BY d.path, d.id, s.position"""
        for heading, text, first in self._db.execute(query):
            yield tuple(json.loads(heading)), text, first

    def main_language(self) -> str:
        """The language of most live fragments; en if there is none."""
        query = """SELECT language FROM live_fragment
                   GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"""
        return self._db.one(query) or "en"

    def counts(self) -> dict[str, int]:
        """Live documents with text, unreadable ones, their sections, fragments, duplicates.

        `near` are those duplicates that are near ones; `quoted` are fragments that only quote other
        mails; `gone` counts the documents changed or withdrawn since they were read.
        """
        query = """
          WITH live AS MATERIALIZED (SELECT id, problem FROM live_document),
          f AS (SELECT id, duplicate FROM fragment WHERE +document_id IN (SELECT id FROM live)),
          number AS MATERIALIZED (SELECT (SELECT count(*) FROM f) AS fragments,
            (SELECT count(*) FROM live_fragment) AS asked)
          SELECT
            (SELECT count(*) FROM live WHERE EXISTS (
              SELECT 1 FROM section s WHERE s.document_id = live.id)) AS documents,
            (SELECT count(*) FROM live WHERE problem IS NOT NULL) AS unreadable,
            (SELECT count(*) FROM section WHERE +document_id IN (SELECT id FROM live)) AS sections,
            fragments, fragments - asked AS duplicates,
            (SELECT count(*) FROM f WHERE duplicate = 'near' AND NOT EXISTS (
              SELECT 1 FROM live_fragment l WHERE l.id = f.id)) AS near,
            asked - (SELECT count(*) FROM asked_fragment) AS quoted,
            (SELECT count(*) FROM document) - (SELECT count(*) FROM live) AS gone
          FROM number"""
        (counts,) = self._db.named(query)
        return counts
