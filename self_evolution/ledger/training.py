"""The ledger's part for training: the examples of each generation and the adapters made from
them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from self_evolution.ledger.database import IDS, Part, among
from self_evolution.ledger.pairs import LIVE
from self_evolution.records import Adapter, Conversation, Message, Selection

AT_ONCE = 10_000
"""The number of training examples that are read before they are added."""


class Training(Part):
    """Queries on the pool to select from, selections, rehearsal conversations and adapters."""

    def trainable(self, generation: int, outcomes: Sequence[str]) -> Iterator[str]:
        """Answers of this generation that were kept and whose scoring had one of `outcomes`."""
        query = f"""SELECT a.id FROM question q JOIN answer a ON a.question_id = q.id
                    JOIN score s ON s.answer_id = a.id
                    WHERE q.generation = ? AND s.outcome IN {IDS} AND {LIVE} ORDER BY a.id"""
        return self._db.column(query, (generation, among(outcomes)))

    def history(self, before: int) -> Iterator[tuple[str, float]]:
        """(answer id, IFD) of every scored pair of the generations before."""
        query = f"""SELECT a.id, s.ifd FROM question q JOIN answer a ON a.question_id = q.id
                    JOIN score s ON s.answer_id = a.id
                    WHERE q.generation < ? AND s.outcome = 'scored' AND {LIVE} ORDER BY a.id"""
        return self._db.each(query, (before,))

    def recited(self, generation: int) -> dict[str, float]:
        """{answer id: score in percent} of what the model before this generation recited."""
        query = "SELECT answer_id, known FROM recitation WHERE generation = ?"
        return dict(self._db.execute(query, (generation,)))

    def conversations(self, origin: str) -> list[Conversation]:
        """The conversations of that origin, used or not, in the order in which they were made."""
        return self._db.rows(Conversation, "WHERE origin = ? ORDER BY position, id", (origin,))

    def conversation_reasons(self) -> list[tuple[str, str | None, int]]:
        """(origin, reason, conversations): None for those to rehearse; the commonest first."""
        query = """SELECT origin, reason, count(*) AS n FROM conversation
                   GROUP BY 1, 2 ORDER BY 1, n DESC, 2"""
        return self._db.execute(query).fetchall()

    def rehearsal(self) -> list[Conversation]:
        """The conversations that may be rehearsed."""
        return self._db.rows(Conversation, "WHERE reason IS NULL ORDER BY id")

    def select(self, generation: int, source: str, ids: Iterable[str]) -> int:
        """Add training examples behind those that are there, and count them; return their number.

        `ids` may be millions, so only AT_ONCE of them are held. Adding each as it is read would let
        the database write the same pages again and again.
        """
        column = {"rehearsal": "conversation_id", "rewrite": "rewrite_id"}.get(source, "answer_id")
        add = f"INSERT INTO selection (generation, position, source, {column}) VALUES (?, ?, ?, ?)"
        first = last = self.selected(generation)
        waiting = iter(ids)
        with self._db.transaction():
            while some := list(islice(waiting, AT_ONCE)):
                rows = ((generation, place, source, id) for place, id in enumerate(some, last))
                self._db.execute_many(add, rows)
                last += len(some)
            if last > first:
                self._db.execute(
                    """INSERT INTO tally VALUES (?, 'selection', ?, ?)
                       ON CONFLICT DO UPDATE SET rows = rows + excluded.rows""",
                    (generation, source, last - first),
                )
        return last - first

    def selected(self, generation: int) -> int:
        """The number of training examples of a generation."""
        query = "SELECT total(rows) FROM tally WHERE generation = ? AND what = 'selection'"
        return int(self._db.one(query, (generation,)))

    def selection(self, generation: int) -> list[Selection]:
        return self._db.rows(Selection, "WHERE generation = ? ORDER BY position", (generation,))

    def selected_pairs(self, generation: int) -> list[str]:
        """Answers of the selection, in its order, but those whose question is not live."""
        query = f"""SELECT a.id FROM selection s JOIN answer a ON a.id = s.answer_id
                    JOIN question q ON q.id = a.question_id
                    WHERE s.generation = ? AND {LIVE} ORDER BY s.position"""
        return list(self._db.column(query, (generation,)))

    def selected_conversations(self, generation: int) -> list[list[Message]]:
        """The rehearsal conversations of the selection, in its order."""
        query = """SELECT c.messages FROM selection s
                   JOIN conversation c ON c.id = s.conversation_id
                   WHERE s.generation = ? ORDER BY s.position"""
        return [json.loads(messages) for messages in self._db.column(query, (generation,))]

    def examples_gone(self) -> dict[int, tuple[int, int]]:
        """{generation: (training examples from documents that are gone, all of its examples)}."""
        # From the few fragments that are gone, because millions of examples may be selected.
        query = """
          WITH gone AS MATERIALIZED (
            SELECT id FROM fragment WHERE document_id IN (SELECT id FROM gone_document)
            UNION SELECT id FROM fragment WHERE duplicate_of IS NOT NULL
            EXCEPT SELECT id FROM repeated_fragment EXCEPT SELECT id FROM orphaned_fragment
          ), example AS (
            SELECT s.generation FROM gone g CROSS JOIN question q ON q.fragment_id = g.id
            CROSS JOIN answer a ON a.question_id = q.id
            CROSS JOIN selection s ON s.answer_id = a.id WHERE q.origin = 'generated'
            UNION ALL SELECT s.generation FROM gone g CROSS JOIN rewrite r ON r.fragment_id = g.id
            CROSS JOIN selection s ON s.rewrite_id = r.id
          ), counted AS (SELECT generation, count(*) AS n FROM example GROUP BY 1)
          SELECT t.generation, coalesce(c.n, 0), sum(t.rows)
          FROM tally t LEFT JOIN counted c ON c.generation = t.generation
          WHERE what = 'selection' GROUP BY 1"""
        return {g: (gone, total) for g, gone, total in self._db.execute(query)}

    def adapters(self) -> list[Adapter]:
        return self._db.rows(Adapter, "ORDER BY generation")
