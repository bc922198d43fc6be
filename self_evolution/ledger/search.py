"""The search index: the terms of the live fragments, ranked by BM25 (FTS5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from self_evolution.ledger.database import Part
from self_evolution.records import content_id

Terms = tuple[int, str]
"""A fragment's number, and its terms with spaces between them."""


class SearchIndex(Part):
    """The search index. It has terms alone and follows from the rows, so exports leave it out."""

    def changes(self) -> tuple[list[int], list[int]]:
        """Numbers of the fragments to remove from the index, and of those to add."""
        live = "SELECT number FROM live_fragment"
        there = set(self._db.column("SELECT rowid FROM search"))
        wanted = set(self._db.column(live))
        return sorted(there - wanted), sorted(wanted - there)

    def index(self, rows: Iterable[Terms]) -> None:
        self._db.execute_many("INSERT INTO search (rowid, terms) VALUES (?, ?)", rows)

    def unindex(self, rows: Iterable[Terms]) -> None:
        """Remove a fragment; its terms must be those that were added."""
        statement = "INSERT INTO search (search, rowid, terms) VALUES ('delete', ?, ?)"
        self._db.execute_many(statement, rows)

    def is_indexed(self, fragment_id: str) -> bool:
        query = """SELECT count(*) FROM search
                   WHERE rowid = (SELECT number FROM fragment WHERE id = ?)"""
        return bool(self._db.one(query, (fragment_id,)))

    def state(self) -> str:
        """A short text that differs between different sets of indexed fragments."""
        return content_id(list(self._db.column("SELECT rowid FROM search ORDER BY 1")))

    def searched(self) -> dict[int, list[str]]:
        """{generation, or rival: states of the index in which its questions were searched}."""
        return {int(who): states for who, states in (self._db.meta("searched") or {}).items()}

    def note_searched(self, generation: int, state: str) -> None:
        """Store that this generation, or rival, was searched for in that state of the index."""
        known = self.searched()
        if state not in known.setdefault(generation, []):
            known[generation].append(state)
            self._db.set_meta("searched", known)

    def settle(self) -> None:
        """Merge the parts that many batches left; search is then faster, with equal results."""
        with self._db.transaction():
            self._db.execute("INSERT INTO search (search) VALUES ('optimize')")

    def matches(
        self, terms: Sequence[str], limit: int, document_id: str | None = None
    ) -> tuple[str, ...]:
        """Ids of the fragments with any of the terms, the best first; of equals, the earlier.

        With a `document_id`, only fragments of that document, or those that its fragments repeat.
        """
        # In quotes a term is text, whatever signs it has.
        wanted = " OR ".join('"' + term.replace('"', '""') + '"' for term in terms)
        query = """SELECT f.id FROM (
                     SELECT rowid AS number, rank AS score FROM search WHERE search MATCH ?
                     AND (? IS NULL OR rowid IN (
                       SELECT first.number FROM fragment own JOIN fragment first
                       ON first.id = coalesce(own.duplicate_of, own.id)
                       WHERE own.document_id = ?))
                     ORDER BY rank, rowid LIMIT ?) AS m
                   JOIN fragment f ON f.number = m.number ORDER BY m.score, m.number"""
        return tuple(self._db.column(query, (wanted, document_id, document_id, limit)))

    def frequency(self, term: str, most: int) -> int:
        """In how many fragments a term occurs, counted up to `most`."""
        query = "SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH ? LIMIT ?)"
        return int(self._db.one(query, ('"' + term.replace('"', '""') + '"', most)))
