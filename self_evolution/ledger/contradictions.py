"""Pairs that contradict each other: where to look for them, and those that were found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from self_evolution.ledger.database import IDS, Part, among
from self_evolution.ledger.pairs import PRESENT

_LAST = "(SELECT max(generation) FROM stage WHERE name = 'check' AND done)"


class PairSource(NamedTuple):
    """A kept pair with its place: the path and page of its document, or the user's file and row."""

    answer_id: str
    question: str
    answer: str
    trusted: bool
    path: str
    place: str


class Conflict(NamedTuple):
    """A pair that is left out and one that contradicts it.

    `believed`: the other one is preferred; otherwise neither is used.
    """

    pair: PairSource
    other: PairSource
    believed: bool


class Contradictions(Part):
    """The pairs of corrections take no part: what a person has corrected is right."""

    def groups(self, key: Callable[[str], str]) -> Iterator[list[PairSource]]:
        """Yield the kept pairs of all generations whose questions have the same key.

        Only pairs with different answers come, and none that follows on earlier turns. The database
        sorts the keys, so that memory does not grow with the number of pairs.
        """
        self._db.define("question_key", key)
        query = f"""SELECT group_concat(a.id, ' ') AS ids FROM question q
                    JOIN answer a ON a.question_id = q.id JOIN verdict v ON v.answer_id = a.id
                    WHERE v.reason IS NULL AND q.turns = '[]' AND {PRESENT}
                      AND a.id NOT IN (SELECT answer_id FROM correction_pair WHERE kind = 'taught')
                    GROUP BY question_key(q.text) HAVING count(DISTINCT a.text) > 1"""
        for ids in list(self._db.column(query)):
            yield self._sources(sorted(ids.split()))

    def found(self, generation: int) -> int:
        """The number of pairs that the check of a generation left out."""
        query = "SELECT count(*) FROM contradiction WHERE generation = ?"
        return int(self._db.one(query, (generation,)))

    def conflicts(self) -> list[Conflict]:
        """What the last check found, without what was settled since.

        A conflict is settled when the document of one of both changes or is withdrawn. Two pairs
        that are left out because of each other make one conflict.
        """
        query = f"""SELECT c.answer_id, c.other_id, c.believed FROM contradiction c
                    JOIN answer a ON a.id = c.answer_id JOIN answer o ON o.id = c.other_id
                    WHERE c.generation = {_LAST}
                      AND EXISTS (SELECT 1 FROM present_question p WHERE p.id = a.question_id)
                      AND EXISTS (SELECT 1 FROM present_question p WHERE p.id = o.question_id)
                    ORDER BY c.answer_id"""
        rows: dict[tuple[str, str], bool] = {}
        for one, other, believed in self._db.execute(query):
            if (other, one) not in rows:
                rows[one, other] = bool(believed)
        ids = sorted({id for pair in rows for id in pair})
        known = {source.answer_id: source for source in self._sources(ids)}
        return [
            Conflict(known[one], known[other], believed) for (one, other), believed in rows.items()
        ]

    def _sources(self, ids: list[str]) -> list[PairSource]:
        query = f"""SELECT a.id, q.text, a.text, q.origin = 'trusted',
                      coalesce(d.path, t.path, ''),
                      coalesce('page ' || f.page, 'row ' || t."row", '')
                    FROM answer a JOIN question q ON q.id = a.question_id
                    LEFT JOIN fragment f ON f.id = q.fragment_id AND q.origin = 'generated'
                    LEFT JOIN document d ON d.id = f.document_id
                    LEFT JOIN (SELECT question_id, path, min("row") AS "row"
                               FROM live_trusted_row GROUP BY 1) t ON t.question_id = q.id
                    WHERE a.id IN {IDS} ORDER BY a.id"""
        return [
            PairSource(id, question, answer, bool(trusted), path, place)
            for id, question, answer, trusted, path, place in self._db.execute(query, (among(ids),))
        ]
