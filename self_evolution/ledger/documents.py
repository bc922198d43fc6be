"""Documents and their sections: all that were read, and those that are still there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from self_evolution.ledger.database import Part
from self_evolution.records import Document, Holdout, Section


class DocumentRow(NamedTuple):
    """A document with its present state; `languages` are codes, the most frequent first.

    `path` is where its file is now; it may have been moved since it was read.
    """

    document: Document
    path: str
    here: bool
    sections: int
    fragments: int
    duplicates: int
    languages: str


class SectionRow(NamedTuple):
    """A section without its text: `heading` as JSON, `size` and `overlap` in characters."""

    id: str
    document_id: str
    heading: str
    size: int
    overlap: int


class FileRow(NamedTuple):
    """The size (bytes) and time (nanoseconds) of a file when it was last looked at."""

    name: str
    size: int
    mtime_ns: int
    sha256: str


class Documents(Part):
    """A document is live as long as its file is as it was read. The rows of others are kept."""

    def all(self) -> list[Document]:
        """Every document that was ever read or refused."""
        return self._db.rows(Document, "ORDER BY path, id")

    def here(self) -> list[Document]:
        """The live documents; those that changed or were withdrawn are left out."""
        return self._db.rows(
            Document, "WHERE id IN (SELECT id FROM live_document) ORDER BY path, id"
        )

    def live_ids(self) -> set[str]:
        return set(self._db.column("SELECT id FROM live_document"))

    def paths(self, ids: Sequence[str]) -> list[str]:
        """The paths of documents, in the order of `ids`."""
        return [document.path for document in self._db.by_id(Document, ids)]

    def places(self, ids: Iterable[str]) -> dict[str, str]:
        """{id: where the file of that document is now}."""
        moved = self._db.meta("moved") or {}
        rows = self._db.by_id(Document, list(set(ids)))
        return {row.id: moved.get(row.id, row.path) for row in rows}

    def at(self, path: str) -> str | None:
        """The id of the live document that was read at `path`, if there is one."""
        id: str | None = self._db.one("SELECT id FROM live_document WHERE path = ?", (path,))
        return id

    def rows(self) -> list[DocumentRow]:
        """All documents by their paths, including those that are gone."""
        sections = dict(self._db.execute("SELECT document_id, count(*) FROM section GROUP BY 1"))
        counts = self._db.execute(
            "SELECT document_id, count(*), sum(duplicate IS NOT NULL) FROM fragment GROUP BY 1"
        )
        fragments = {id: (total, duplicates) for id, total, duplicates in counts}
        languages: dict[str, list[str]] = {}
        query = """SELECT document_id, language, count(*) AS n FROM fragment
                   GROUP BY 1, 2 ORDER BY 1, n DESC, 2"""
        for id, language, _ in self._db.execute(query):
            languages.setdefault(id, []).append(language)
        here = self.live_ids()
        moved = self._db.meta("moved") or {}
        return [
            DocumentRow(
                document,
                moved.get(document.id, document.path),
                document.id in here,
                sections.get(document.id, 0),
                *fragments.get(document.id, (0, 0)),
                " ".join(languages.get(document.id, [])[:3]),
            )
            for document in self.all()
        ]

    def held_out(self) -> set[str]:
        """Ids of the held-out documents, in all their versions."""
        return set(self._db.column("SELECT id FROM held_document"))

    def count_gone(self) -> int:
        """The number of documents changed or withdrawn since they were read."""
        query = """SELECT (SELECT count(*) FROM document) - (SELECT count(*) FROM live_document)"""
        return int(self._db.one(query))

    def holdouts(self) -> list[Holdout]:
        return self._db.rows(Holdout, "ORDER BY document_id")

    # -- sections ----------------------------------------------------------------------------

    def outline(self) -> list[SectionRow]:
        """All sections of the live documents, without their text, in reading order."""
        query = """SELECT s.id, s.document_id, s.heading, length(s.text), s.overlap
                   FROM section s JOIN live_document d ON d.id = s.document_id
                   ORDER BY d.path, d.id, s.position"""
        return [SectionRow(*row) for row in self._db.execute(query)]

    def sections(self, ids: Sequence[str]) -> list[Section]:
        """Sections in the order of `ids`."""
        return self._db.by_id(Section, ids)

    def split_sections(self) -> set[str]:
        """The sections in which a fragment begins."""
        return set(self._db.column("SELECT DISTINCT section_id FROM fragment"))

    def short_sections(self, characters: int) -> int:
        """Count the sections that are shorter than `characters` and belong to no fragment."""
        query = """SELECT count(*) FROM section s JOIN live_document d ON d.id = s.document_id
                   WHERE length(s.text) < ? AND NOT EXISTS (
                     SELECT 1 FROM fragment f WHERE f.document_id = s.document_id
                     AND f."start" <= s."start" AND f."end" >= s."end")"""
        return int(self._db.one(query, (characters,)))

    def opening_text(self, document_id: str, characters: int) -> str:
        """Return about that much text from the beginning of a document."""
        query = "SELECT text FROM section WHERE document_id = ? ORDER BY position"
        text = ""
        for part in self._db.column(query, (document_id,)):
            text += f"{part[:characters]}\n"
            if len(text) >= characters:
                break
        return text

    # -- files -------------------------------------------------------------------------------

    def files(self) -> dict[str, FileRow]:
        """The files looked at so far, by name."""
        return {row[0]: FileRow(*row) for row in self._db.execute("SELECT * FROM file")}

    def remember_files(self, rows: Iterable[FileRow]) -> None:
        self._db.execute_many("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?)", rows)
