"""What the stages ask of the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from self_evolution import records
from self_evolution.ledger.documents import Documents
from self_evolution.ledger.store import chunks
from self_evolution.records import (
    Adapter,
    Conversation,
    Difference,
    Evaluation,
    Fragment,
    Item,
    Judgement,
    Message,
    Pair,
    Prediction,
    Promotion,
    Rival,
    Selection,
)

ALWAYS = {"abilities": "exact-match"}
"""Suites with a metric of their own: answers to the base's own questions are one number or word,

and any other metric would count how much is said around it.
"""

_PAIRS = """
  SELECT a.id, q.generation, q.fragment_id, q.text, a.text, a.finish, f.text, f.language
  FROM question q JOIN answer a ON a.question_id = q.id JOIN fragment f ON f.id = q.fragment_id
"""


# Of a pair's question: its document is still there. What is gone leaves the work, not the ledger.
_LIVE = "q.fragment_id IN (SELECT id FROM training_fragment)"


class Work(Documents):
    """Each method is a question that a stage asks; ids come back in a fixed order."""

    # -- questions, answers, pairs -----------------------------------------------------------

    def asked(self, generation: int, sample: int) -> set[str]:
        """Fragments that have their question number `sample` in this generation."""
        query = "SELECT fragment_id FROM question WHERE generation = ? AND sample = ?"
        return {row[0] for row in self._db.execute(query, (generation, sample))}

    def questions_of(self, generation: int, fragment_id: str) -> list[str]:
        """This generation's questions about a fragment, in the order of asking."""
        query = "SELECT text FROM question WHERE fragment_id = ? AND generation = ? ORDER BY sample"
        return [row[0] for row in self._db.execute(query, (fragment_id, generation))]

    def questions(self, generation: int) -> list[tuple[str, int]]:
        """(id, length of question and fragment in tokens, roughly) of a generation."""
        query = f"""SELECT q.id, f.tokens + length(q.text) / 4 FROM question q
                   JOIN fragment f ON f.id = q.fragment_id WHERE q.generation = ? AND {_LIVE}"""
        return self._db.execute(query, (generation,)).fetchall()

    def answered(self, generation: int) -> set[str]:
        """Questions of a generation that have an answer."""
        query = """SELECT q.id FROM question q JOIN answer a ON a.question_id = q.id
                   WHERE q.generation = ?"""
        return {row[0] for row in self._db.execute(query, (generation,))}

    def questions_with_fragments(
        self, ids: Sequence[str]
    ) -> list[tuple[records.Question, Fragment]]:
        """In the order of `ids`."""
        asked = self._by_id(records.Question, ids)
        fragments = {f.id: f for f in self.fragments([q.fragment_id for q in asked])}
        return [(question, fragments[question.fragment_id]) for question in asked]

    def pair_lengths(self, generation: int) -> list[tuple[str, int]]:
        """(answer id, characters of question and answer) of a generation."""
        query = f"""SELECT a.id, length(q.text) + length(a.text) FROM question q
                    JOIN answer a ON a.question_id = q.id WHERE q.generation = ? AND {_LIVE}"""
        return self._db.execute(query, (generation,)).fetchall()

    def kept_lengths(self, generation: int) -> list[tuple[str, int]]:
        """The same of those that the check stage kept."""
        query = f"""SELECT a.id, length(q.text) + length(a.text) FROM question q
                    JOIN answer a ON a.question_id = q.id JOIN verdict v ON v.answer_id = a.id
                    WHERE q.generation = ? AND v.reason IS NULL AND {_LIVE}"""
        return self._db.execute(query, (generation,)).fetchall()

    def pairs(self, ids: Sequence[str]) -> list[Pair]:
        """In the order of `ids` (answer ids)."""
        found: dict[str, Pair] = {}
        for chunk in chunks(ids):
            query = f"{_PAIRS} WHERE a.id IN ({','.join('?' * len(chunk))})"
            found.update((row[0], Pair(*row)) for row in self._db.execute(query, chunk))
        return [found[id] for id in ids]

    def question_finish(self, ids: Sequence[str]) -> dict[str, str]:
        """{answer id: how the generation of its question ended}."""
        found: dict[str, str] = {}
        for chunk in chunks(ids):
            query = f"""SELECT a.id, q.finish FROM answer a JOIN question q ON q.id = a.question_id
                        WHERE a.id IN ({",".join("?" * len(chunk))})"""
            found.update(self._db.execute(query, chunk))
        return found

    def checked(self, generation: int) -> set[str]:
        query = """SELECT v.answer_id FROM verdict v JOIN answer a ON a.id = v.answer_id
                   JOIN question q ON q.id = a.question_id WHERE q.generation = ?"""
        return {row[0] for row in self._db.execute(query, (generation,))}

    def kept_texts(self, before: int) -> Iterator[tuple[str, str]]:
        """(question, answer) of the pairs that were kept before, but of documents that are gone.

        What is asked anew about a changed document is no repetition: the old pair is not replayed.
        """
        query = f"""SELECT q.text, a.text FROM question q JOIN answer a ON a.question_id = q.id
                    JOIN verdict v ON v.answer_id = a.id
                    WHERE q.generation < ? AND v.reason IS NULL AND {_LIVE}"""
        return iter(self._db.execute(query, (before,)))

    def scored(self, generation: int) -> set[str]:
        query = """SELECT s.answer_id FROM score s JOIN answer a ON a.id = s.answer_id
                   JOIN question q ON q.id = a.question_id WHERE q.generation = ?"""
        return {row[0] for row in self._db.execute(query, (generation,))}

    # -- selection and training --------------------------------------------------------------

    def trainable(self, generation: int, outcomes: Sequence[str]) -> list[str]:
        """Answers of this generation that were kept and whose scoring had one of `outcomes`."""
        marks = ",".join("?" * len(outcomes))
        query = f"""SELECT a.id FROM question q JOIN answer a ON a.question_id = q.id
                    JOIN score s ON s.answer_id = a.id
                    WHERE q.generation = ? AND s.outcome IN ({marks}) AND {_LIVE}
                    ORDER BY a.id"""
        return [row[0] for row in self._db.execute(query, (generation, *outcomes))]

    def history(self, before: int) -> list[tuple[str, float]]:
        """(answer id, IFD) of every scored pair of the generations before."""
        query = f"""SELECT a.id, s.ifd FROM question q JOIN answer a ON a.question_id = q.id
                    JOIN score s ON s.answer_id = a.id
                    WHERE q.generation < ? AND s.outcome = 'scored' AND {_LIVE} ORDER BY a.id"""
        return self._db.execute(query, (before,)).fetchall()

    def conversations(self) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT id FROM conversation ORDER BY id")]

    def rehearsal(self) -> list[Conversation]:
        return self._rows(Conversation, "ORDER BY id")

    def selection(self, generation: int) -> list[Selection]:
        return self._rows(Selection, "WHERE generation = ? ORDER BY position", (generation,))

    def selected_pairs(self, generation: int) -> list[tuple[str, str]]:
        """(question, answer) of the selection, in its order, but of documents that are gone."""
        query = f"""SELECT q.text, a.text FROM selection s JOIN answer a ON a.id = s.answer_id
                    JOIN question q ON q.id = a.question_id
                    WHERE s.generation = ? AND {_LIVE} ORDER BY s.position"""
        return self._db.execute(query, (generation,)).fetchall()

    def selected_conversations(self, generation: int) -> list[list[Message]]:
        """The rehearsal of the selection, in its order."""
        query = """SELECT c.messages FROM selection s
                   JOIN conversation c ON c.id = s.conversation_id
                   WHERE s.generation = ? ORDER BY s.position"""
        return [json.loads(row[0]) for row in self._db.execute(query, (generation,))]

    def adapters(self) -> list[Adapter]:
        return self._rows(Adapter, "ORDER BY generation")

    # -- evaluation and promotion ------------------------------------------------------------

    def items(self, suite: str) -> list[Item]:
        """As they are now, without those that a review replaced."""
        tail = "WHERE suite = ? AND id IN (SELECT id FROM live_item) ORDER BY position"
        return self._rows(Item, tail, (suite,))

    def all_items(self) -> list[Item]:
        """Of every suite, as they are now."""
        return self._rows(Item, "WHERE id IN (SELECT id FROM live_item) ORDER BY suite, position")

    def near_items(self, generation: int) -> set[str]:
        """Items that are near to a pair which this generation or one before was trained on."""
        query = """SELECT DISTINCT l.item_id FROM likeness l
                   JOIN selection s ON s.answer_id = l.answer_id WHERE s.generation <= ?"""
        return {row[0] for row in self._db.execute(query, (generation,))}

    def predicted(self, generation: int, mode: str) -> set[str]:
        query = "SELECT item_id FROM prediction WHERE generation = ? AND mode = ?"
        return {row[0] for row in self._db.execute(query, (generation, mode))}

    def predictions(self, generation: int, suite: str, mode: str) -> list[tuple[Item, str]]:
        """(item, predicted text) in the order of the items."""
        texts = dict(
            self._db.execute(
                "SELECT item_id, text FROM prediction WHERE generation = ? AND mode = ?",
                (generation, mode),
            )
        )
        return [(item, texts[item.id]) for item in self.items(suite) if item.id in texts]

    def shown(self, generation: int, suite: str, mode: str) -> dict[str, tuple[str, ...]]:
        """{item answered: ids of the fragments that were shown with it, the best first}."""
        query = """SELECT p.item_id, p.sources FROM prediction p JOIN live_item i
                   ON i.id = p.item_id WHERE p.generation = ? AND i.suite = ? AND p.mode = ?"""
        rows = self._db.execute(query, (generation, suite, mode))
        return {id: tuple(json.loads(sources)) for id, sources in rows}

    def unsaid(self, generation: int) -> tuple[int, int, int]:
        """(answers, those that are empty, those that were cut off) of all exams."""
        query = """SELECT count(*), coalesce(sum(text = ''), 0),
                     coalesce(sum(finish = 'length'), 0) FROM prediction WHERE generation = ?"""
        answers, empty, cut = self._db.execute(query, (generation,)).fetchone()
        return answers, empty, cut

    def passages_shown(self, generation: int, mode: str, item_id: str) -> tuple[str, ...]:
        """Fragments that were shown with a question, the best first."""
        query = "WHERE generation = ? AND mode = ? AND item_id = ?"
        rows = self._rows(Prediction, query, (generation, mode, item_id))
        return rows[0].sources if rows else ()

    def evaluations(self) -> list[Evaluation]:
        """Those of the generations; `rival_evaluations` has the others."""
        tail = "WHERE generation >= 0 ORDER BY generation, suite, mode, metric"
        return self._rows(Evaluation, tail)

    def rival_evaluations(self) -> list[Evaluation]:
        tail = "WHERE generation < 0 ORDER BY generation DESC, suite, mode, metric"
        return self._rows(Evaluation, tail)

    def evaluated(self, generation: int) -> set[tuple[str, str]]:
        """(suite, mode) of the exams of a generation, or a rival, that have their metrics."""
        query = "SELECT DISTINCT suite, mode FROM evaluation WHERE generation = ?"
        return set(self._db.execute(query, (generation,)))

    def rivals(self) -> list[Rival]:
        """In the order in which they came."""
        return self._rows(Rival, "ORDER BY generation DESC")

    def judgements(self, judge: str, generation: int, against: int) -> list[Judgement]:
        """By item, and place."""
        tail = "WHERE judge = ? AND generation = ? AND against = ? ORDER BY item_id, place"
        return self._rows(Judgement, tail, (judge, generation, against))

    def duels(self) -> list[tuple[str, int, int]]:
        """(judge, generation, against) of all that was judged."""
        query = "SELECT DISTINCT judge, generation, against FROM judgement ORDER BY 1, 2, 3 DESC"
        return self._db.execute(query).fetchall()

    def deciding_metric(self, wanted: str, suite: str = "domain", mode: str = "closed") -> str:
        """The metric that decides in an exam: ALWAYS's, or else `wanted`.

        token-f1 where `wanted` applies to no question of the domain, or of this exam.
        """
        if suite in ALWAYS:
            return ALWAYS[suite]
        for exam in {("domain", "closed"), (suite, mode)}:
            query = "SELECT DISTINCT metric FROM evaluation WHERE suite = ? AND mode = ?"
            known = {name for (name,) in self._db.execute(query, exam)}
            if known and wanted not in known:
                return "token-f1"
        return wanted

    def differences(self, against: int | None = None) -> list[Difference]:
        """Those of every generation to generation `against`, or to all that there are."""
        tail = (
            "WHERE against = coalesce(?, against) ORDER BY generation, suite, mode, metric, against"
        )
        return self._rows(Difference, tail, (against,))

    def leader(self) -> int:
        """The generation that was promoted last; 0, the base, if none was."""
        return max((row.generation for row in self.promotions() if row.promoted), default=0)

    def last(self) -> int:
        """The last generation that a verdict was given on; 0 if none was."""
        return max((row.generation for row in self.promotions()), default=0)

    def promotions(self) -> list[Promotion]:
        return self._rows(Promotion, "ORDER BY generation")
