"""What reading and splitting ask of the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import NamedTuple

from self_evolution.ledger.store import TABLES, Store
from self_evolution.records import Document, Fragment, Section


class SectionRow(NamedTuple):
    """A section without its text: `heading` as JSON, `size` and `overlap` in characters."""

    id: str
    document_id: str
    heading: str
    size: int
    overlap: int


class Documents(Store):
    """Documents, their sections and fragments; ids come back in a fixed order."""

    def documents(self) -> list[Document]:
        """All that were ever read or refused."""
        return self._rows(Document, "ORDER BY path, id")

    def here(self) -> list[Document]:
        """Those that are still as they were read; changed and withdrawn ones are not."""
        return self._rows(Document, "WHERE id IN (SELECT id FROM live_document) ORDER BY path, id")

    def paths(self, ids: Sequence[str]) -> list[str]:
        """The paths of documents, in the order of `ids`."""
        return [document.path for document in self._by_id(Document, ids)]

    def live_documents(self) -> set[str]:
        """The ids of those."""
        return {row[0] for row in self._db.execute("SELECT id FROM live_document")}

    def outline(self) -> list[SectionRow]:
        """All sections of the documents that are here, without their text, in reading order."""
        query = """SELECT s.id, s.document_id, s.heading, length(s.text), s.overlap
                   FROM section s JOIN live_document d ON d.id = s.document_id
                   ORDER BY d.path, d.id, s.position"""
        return [SectionRow(*row) for row in self._db.execute(query)]

    def split_sections(self) -> set[str]:
        """The sections in which a fragment begins."""
        return {row[0] for row in self._db.execute("SELECT DISTINCT section_id FROM fragment")}

    def sections(self, ids: Sequence[str]) -> list[Section]:
        return self._by_id(Section, ids)

    def opening_text(self, document_id: str, characters: int) -> str:
        """About that much text from the beginning of a document."""
        query = "SELECT text FROM section WHERE document_id = ? ORDER BY position"
        text = ""
        for (part,) in self._db.execute(query, (document_id,)):
            text += f"{part[:characters]}\n"
            if len(text) >= characters:
                break
        return text

    def count(self, table: str) -> int:
        assert table in TABLES
        return int(self._one(f"SELECT count(*) FROM {table}"))

    def first_fragments(self) -> Iterator[Fragment]:
        """Every fragment that is no duplicate, in the order of making."""
        names = ", ".join(f'"{field.name}"' for field in fields(Fragment))
        query = f"SELECT {names} FROM fragment WHERE duplicate IS NULL ORDER BY number"
        return self._stream(Fragment, query)

    def passages(self) -> Iterator[tuple[tuple[str, ...], str, str]]:
        """(heading, text, first fragment) of sections of documents here whose sections overlap.

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

    def short_sections(self, characters: int) -> int:
        """How many sections with less text than that are in no fragment."""
        query = """SELECT count(*) FROM section s JOIN live_document d ON d.id = s.document_id
                   WHERE length(s.text) < ? AND NOT EXISTS (
                     SELECT 1 FROM fragment f WHERE f.document_id = s.document_id
                     AND f."start" <= s."start" AND f."end" >= s."end")"""
        return int(self._db.execute(query, (characters,)).fetchone()[0])

    def training_fragments(self) -> list[tuple[str, int]]:
        """(id, tokens) of the fragments to ask about: no duplicates, nothing gone or held out."""
        query = "SELECT f.id, f.tokens FROM training_fragment l JOIN fragment f ON f.id = l.id"
        return self._db.execute(query).fetchall()

    def fragments(self, ids: Sequence[str]) -> list[Fragment]:
        return self._by_id(Fragment, ids)

    def main_language(self) -> str:
        """That of most fragments; en if there is none."""
        query = """SELECT language FROM fragment WHERE id IN (SELECT id FROM live_fragment)
                   GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"""
        row = self._db.execute(query).fetchone()
        return str(row[0]) if row else "en"

    def fragments_in(self, document_id: str) -> list[Fragment]:
        """All of a document, in reading order."""
        tail = 'WHERE document_id = ? ORDER BY "start", "end" DESC, id'
        return self._rows(Fragment, tail, (document_id,))
