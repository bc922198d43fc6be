"""Test questions: how they are built, locked and reviewed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable

from self_evolution.ledger.database import IDS, Part, among
from self_evolution.records import Candidate, Item, Lock


class Items(Part):
    """Queries on items. All suites but retention are locked; retention is a file of the user's."""

    def all(self) -> list[Item]:
        """The present items of every suite, without those that a review replaced."""
        return self._db.rows(
            Item, "WHERE id IN (SELECT id FROM live_item) ORDER BY suite, position"
        )

    def of_suite(self, suite: str) -> list[Item]:
        """The present items of one suite."""
        tail = "WHERE suite = ? AND id IN (SELECT id FROM live_item) ORDER BY position"
        return self._db.rows(Item, tail, (suite,))

    def locked(self) -> list[Item]:
        """The present locked items."""
        return [item for item in self.all() if item.suite != "retention"]

    def move(self, ids: Iterable[str], suite: str) -> None:
        """Give items another suite, before they are locked."""
        query = f"UPDATE item SET suite = ? WHERE id IN {IDS}"
        self._db.execute(query, (suite, among(set(ids))))

    def remove(self, ids: Iterable[str]) -> None:
        """Remove items, before they are locked and anything refers to them."""
        self._db.execute(f"DELETE FROM item WHERE id IN {IDS}", (among(set(ids)),))

    def locks(self) -> list[Lock]:
        return self._db.rows(Lock, "ORDER BY version")

    def replaced(self) -> set[str]:
        """Ids of the items that a review edited or removed."""
        return set(self._db.column("SELECT item_id FROM replacement"))

    def outdated(self) -> set[str]:
        """Present built items on text that has changed or gone since."""
        query = """SELECT id FROM live_item i WHERE fragment_id IS NOT NULL
                   AND NOT EXISTS (SELECT 1 FROM live_fragment f WHERE f.id = i.fragment_id)"""
        return set(self._db.column(query))

    def near(self, generation: int) -> set[str]:
        """Items close to a pair that this generation, or an earlier one, was trained on."""
        # In this order, because few pairs are like an item, and millions may be selected.
        query = """SELECT DISTINCT l.item_id FROM likeness l
                   CROSS JOIN selection s ON s.answer_id = l.answer_id WHERE s.generation <= ?"""
        return set(self._db.column(query, (generation,)))

    def candidates(self, kind: str) -> list[Candidate]:
        return self._db.rows(Candidate, "WHERE kind = ? ORDER BY position", (kind,))

    def candidate_reasons(self) -> list[tuple[str, str | None, int]]:
        """(kind, reason, candidates), where reason None means taken; the most frequent reason
        first."""
        query = """SELECT kind, reason, count(*) AS n FROM candidate
                   GROUP BY 1, 2 ORDER BY 1, n DESC, 2"""
        return self._db.execute(query).fetchall()


def digest(items: Iterable[Item]) -> str:
    """SHA-256 of the rows, in their order."""
    rows = [dataclasses.asdict(item) for item in items]
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
