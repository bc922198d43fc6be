"""What is asked of the ledger about test questions: how they are built, locked and reviewed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple

from self_evolution.ledger.store import Store, chunks
from self_evolution.records import Candidate, Holdout, Item, Seal


class Place(NamedTuple):
    """A fragment to build a test question on; `alone`: its document shares no text with others."""

    fragment_id: str
    document_id: str
    alone: bool


class Exams(Store):
    """All suites but retention are locked; that is a file of the user's, known by its digest."""

    def places(self) -> list[Place]:
        """Every fragment that may be asked about, held out or not, in a fixed order."""
        query = """
          WITH pair AS (
            SELECT f.document_id AS one, o.document_id AS other
            FROM fragment f JOIN fragment o ON o.id = f.duplicate_of
            WHERE f.document_id <> o.document_id
          ), sharing AS (SELECT one AS id FROM pair UNION SELECT other FROM pair)
          SELECT f.id, f.document_id, f.document_id NOT IN (SELECT id FROM sharing)
          FROM live_fragment l JOIN fragment f ON f.id = l.id ORDER BY f.id"""
        return [Place(id, document, bool(alone)) for id, document, alone in self._db.execute(query)]

    def held_out(self) -> set[str]:
        """Ids of the documents that are kept out of training, in all their versions."""
        return {row[0] for row in self._db.execute("SELECT id FROM held_document")}

    def holdouts(self) -> list[Holdout]:
        return self._rows(Holdout, "ORDER BY document_id")

    def candidates(self, kind: str) -> list[Candidate]:
        return self._rows(Candidate, "WHERE kind = ? ORDER BY position", (kind,))

    def candidate_reasons(self) -> list[tuple[str, str | None, int]]:
        """(kind, reason, candidates): None for those taken; the commonest reason first."""
        query = """SELECT kind, reason, count(*) AS n FROM candidate
                   GROUP BY 1, 2 ORDER BY 1, n DESC, 2"""
        return self._db.execute(query).fetchall()

    def seals(self) -> list[Seal]:
        return self._rows(Seal, "ORDER BY version")

    def tests(self) -> list[Item]:
        """The questions that are locked, as they are now."""
        tail = """WHERE suite <> 'retention' AND id IN (SELECT id FROM live_item)
                  ORDER BY suite, position"""
        return self._rows(Item, tail)

    def replaced(self) -> set[str]:
        """Ids of the questions that a review edited or struck out."""
        return {row[0] for row in self._db.execute("SELECT item_id FROM replacement")}

    def outdated(self) -> set[str]:
        """Built questions, as they are now, on text that has changed or gone since."""
        query = """SELECT id FROM live_item WHERE fragment_id IS NOT NULL
                   AND fragment_id NOT IN (SELECT id FROM live_fragment)"""
        return {row[0] for row in self._db.execute(query)}

    def item_sources(self, items: Iterable[Item]) -> dict[str, tuple[str, str, tuple[str, ...]]]:
        """{item id: (document id, document path, heading)} of those that know their fragment."""
        wanted = {item.id: item.fragment_id for item in items if item.fragment_id}
        found: dict[str, tuple[str, str, tuple[str, ...]]] = {}
        for chunk in chunks(sorted(set(wanted.values()))):
            query = f"""SELECT f.id, d.id, d.path, f.heading FROM fragment f
                        JOIN document d ON d.id = f.document_id
                        WHERE f.id IN ({",".join("?" * len(chunk))})"""
            for fragment, document, path, heading in self._db.execute(query, chunk):
                found[fragment] = (document, path, tuple(json.loads(heading)))
        return {id: found[fragment] for id, fragment in wanted.items()}


def digest(items: Iterable[Item]) -> str:
    """SHA-256 of the rows, in their order."""
    rows = [dataclasses.asdict(item) for item in items]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
