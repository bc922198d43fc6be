"""Corrections by people: what entered, the pairs they made or removed, what was learnt."""

from __future__ import annotations

from typing import NamedTuple

from self_evolution.ledger.database import IDS, Part, among
from self_evolution.records import Correction, Recheck, RecheckAnswer


class Taught(NamedTuple):
    """A pair that a live correction taught and that the check kept.

    `generation` is the one it entered with, `share` one over the number of such pairs of its
    correction.
    """

    answer_id: str
    generation: int
    share: float


class Corrections(Part):
    """The last correction of a question is the live one; those before it are not used any more.

    A better answer stays live while people only find that same answer right.
    """

    def known(self) -> set[str]:
        """Ids of all corrections, live or not."""
        return set(self._db.column("SELECT id FROM correction"))

    def all(self) -> list[Correction]:
        """Every correction, in the order in which they came."""
        return self._db.rows(Correction, "ORDER BY position")

    def live(self) -> list[Correction]:
        """The live ones, in the order in which they came."""
        tail = "WHERE id IN (SELECT id FROM live_correction) ORDER BY position"
        return self._db.rows(Correction, tail)

    def entered(self, generation: int) -> list[Correction]:
        """The corrections that entered with this generation."""
        return self._db.rows(Correction, "WHERE generation = ? ORDER BY position", (generation,))

    def taught(self) -> list[Taught]:
        """The pairs to train on, in the order of their corrections."""
        query = """
          SELECT a.id, c.generation, 1.0 / count(*) OVER (PARTITION BY c.id)
          FROM correction_pair p JOIN correction c ON c.id = p.correction_id
          JOIN answer a ON a.id = p.answer_id JOIN verdict v ON v.answer_id = a.id
          WHERE p.kind = 'taught' AND v.reason IS NULL
            AND EXISTS (SELECT 1 FROM present_question q WHERE q.id = a.question_id)
          ORDER BY c.position, a.id"""
        return [Taught(*row) for row in self._db.execute(query)]

    def stopped(self) -> dict[str, str]:
        """{correction: reason} of those whose own pair the check rejected."""
        query = """
          SELECT p.correction_id, v.reason FROM correction_pair p
          JOIN correction c ON c.id = p.correction_id
          JOIN answer a ON a.id = p.answer_id JOIN question q ON q.id = a.question_id
          JOIN verdict v ON v.answer_id = a.id
          WHERE p.kind = 'taught' AND q.text = c.question AND v.reason IS NOT NULL"""
        return dict(self._db.execute(query).fetchall())

    def counted(self, kind: str) -> dict[str, int]:
        """{correction: number of pairs that it taught, or removed}."""
        query = "SELECT correction_id, count(*) FROM correction_pair WHERE kind = ? GROUP BY 1"
        return dict(self._db.execute(query, (kind,)).fetchall())

    def usable_pairs(self) -> list[tuple[str, str, str]]:
        """(answer id, question, answer) of all pairs that may still be trained on."""
        query = """SELECT a.id, q.text, a.text FROM answer a
                   JOIN present_question q ON q.id = a.question_id ORDER BY a.id"""
        return self._db.execute(query).fetchall()

    def may_train(self, fragment_id: str) -> bool:
        """Whether training may ask about a fragment: it is there, and not held out."""
        query = "SELECT count(*) FROM training_fragment WHERE id = ?"
        return bool(self._db.one(query, (fragment_id,)))

    def there(self, fragment_ids: tuple[str, ...]) -> list[str]:
        """The ids that are fragments of this run, in the given order."""
        query = f"SELECT id FROM fragment WHERE id IN {IDS}"
        known = set(self._db.column(query, (among(fragment_ids),)))
        return [id for id in fragment_ids if id in known]

    def rechecks(self) -> list[Recheck]:
        """The questions of the live corrections, in the order of these."""
        tail = """JOIN live_correction c ON c.id = correction_id
                  ORDER BY c.position, held, recheck.id"""
        query = f"SELECT recheck.id, correction_id, recheck.question, held FROM recheck {tail}"
        return [Recheck(id, c, q, bool(held)) for id, c, q, held in self._db.execute(query)]

    def rechecked(self, generation: int) -> dict[str, RecheckAnswer]:
        """{recheck: what that generation answered}."""
        rows = self._db.rows(RecheckAnswer, "WHERE generation = ?", (generation,))
        return {row.recheck_id: row for row in rows}
