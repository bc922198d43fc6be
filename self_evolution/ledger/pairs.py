"""Questions and answers with their verdicts, scores and samples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from self_evolution.ledger.database import IDS, Part, among
from self_evolution.records import Fragment, Message, Pair, Question

PRESENT = "EXISTS (SELECT 1 FROM present_question p WHERE p.id = q.id)"
"""A condition on question q: its document, or its row in a file of trusted pairs, is still there.
The rows of others stay, but are not used."""

LIVE = "EXISTS (SELECT 1 FROM live_question l WHERE l.id = q.id)"
"""A condition on question q: it is present, and no other pair contradicts its pair."""


SAMPLED = 20_000
"""Pairs that the examples for people are chosen from."""


class SelectedPair(NamedTuple):
    """A pair with the generation that trained on it first.

    `passage` and `document` are its fragment and that one's path, else what the user's file says;
    empty where neither is known.
    """

    generation: int
    origin: str
    turns: tuple[Message, ...]
    question: str
    answer: str
    passage: str
    document: str


class TrainedPair(NamedTuple):
    """A pair, the generation that asked it, and the generations that were `trained` on it.

    `live`: it may still be used; else its document is gone, or a person corrected it.
    """

    answer_id: str
    generation: int
    origin: str
    fragment_id: str | None
    question: str
    answer: str
    trained: tuple[int, ...]
    live: bool


class Pairs(Part):
    """A pair is a question with its answer, and has the answer's id."""

    # -- asking and answering ----------------------------------------------------------------

    def asked(self, generation: int) -> Iterator[tuple[str, int]]:
        """(fragment, number of its questions that are there already) in this generation."""
        query = """SELECT fragment_id, count(*) FROM question
                   WHERE generation = ? AND origin = 'generated' GROUP BY 1"""
        return self._db.each(query, (generation,))

    def questions_of(self, generation: int, fragment_id: str) -> list[str]:
        """This generation's questions about a fragment, in the order of asking."""
        # By this index, because the one of generated questions begins with the generation: with it
        # the time would grow with the square of the questions.
        query = """SELECT text FROM question INDEXED BY question_fragment
                   WHERE fragment_id = ? AND generation = ? AND origin = 'generated'
                   ORDER BY sample"""
        return list(self._db.column(query, (fragment_id, generation)))

    def questions(self, generation: int) -> Iterator[tuple[str, int, str]]:
        """(id, tokens of its fragment, id of its fragment) of what a generation asked."""
        query = f"""SELECT q.id, f.tokens, f.id FROM question q
                    JOIN fragment f ON f.id = q.fragment_id
                    WHERE q.generation = ? AND q.origin = 'generated' AND {PRESENT}"""
        return self._db.each(query, (generation,))

    def answered(self, generation: int) -> Iterator[str]:
        """Questions of a generation that have an answer."""
        query = """SELECT q.id FROM question q JOIN answer a ON a.question_id = q.id
                   WHERE q.generation = ?"""
        return self._db.column(query, (generation,))

    def questions_with_fragments(self, ids: Sequence[str]) -> list[tuple[Question, Fragment]]:
        """Generated questions and their fragments, in the order of `ids`."""
        asked = self._db.by_id(Question, ids)
        fragments = self._db.by_id(Fragment, [str(question.fragment_id) for question in asked])
        return list(zip(asked, fragments, strict=True))

    # -- checking and scoring ----------------------------------------------------------------

    def get(self, ids: Sequence[str]) -> list[Pair]:
        """Pairs in the order of `ids`."""
        query = f"""SELECT a.id, q.generation, q.fragment_id, q.text, a.text, a.finish,
                      coalesce(f.own, f.text, ''), coalesce(f.language, ''), q.origin, q.turns
                    FROM question q JOIN answer a ON a.question_id = q.id
                    LEFT JOIN fragment f ON f.id = q.fragment_id WHERE a.id IN {IDS}"""
        found = {
            row[0]: Pair(*(*row[:-1], tuple(json.loads(row[-1]))))
            for row in self._db.execute(query, (among(ids),))
        }
        return [found[id] for id in ids]

    def passages(self, ids: Sequence[str]) -> dict[str, str]:
        """{pair id: its passage as the user's file has it, else the id of its fragment}.

        Pairs of which neither is known are left out.
        """
        query = f"""SELECT a.id, coalesce((SELECT t.passage FROM trusted_row t
                       WHERE t.question_id = q.id AND t.passage <> '' LIMIT 1), q.fragment_id)
                    FROM answer a JOIN question q ON q.id = a.question_id WHERE a.id IN {IDS}"""
        return {id: passage for id, passage in self._db.execute(query, (among(ids),)) if passage}

    def by_fragment(self, generation: int, origin: str) -> Iterator[tuple[str, int, str]]:
        """Yield (id, 0, its fragment or "") for a generation's pairs of that origin."""
        query = f"""SELECT a.id, 0, coalesce(q.fragment_id, '') FROM question q
                    JOIN answer a ON a.question_id = q.id
                    WHERE q.generation = ? AND q.origin = ? AND {PRESENT}"""
        return self._db.each(query, (generation, origin))

    def kept_lengths(self, generation: int) -> Iterator[tuple[str, int]]:
        """(id, characters of question and answer) of the pairs that the check stage kept."""
        query = f"""SELECT a.id, length(q.text) + length(a.text) FROM question q
                    JOIN answer a ON a.question_id = q.id JOIN verdict v ON v.answer_id = a.id
                    WHERE q.generation = ? AND v.reason IS NULL AND {PRESENT}"""
        return self._db.each(query, (generation,))

    def held_out(self, ids: Sequence[str]) -> set[str]:
        """The pairs among `ids` whose fragment is in a document that is kept out of training."""
        query = f"""SELECT a.id FROM answer a JOIN question q ON q.id = a.question_id
                    JOIN fragment f ON f.id = q.fragment_id WHERE a.id IN {IDS}
                    AND f.document_id IN (SELECT id FROM held_document)"""
        return set(self._db.column(query, (among(ids),)))

    def kept_about(self, fragment_ids: Sequence[str]) -> Iterator[tuple[str, int, str, str]]:
        """(fragment, generation, question, answer) of the kept pairs about these fragments, of any
        origin."""
        query = f"""SELECT q.fragment_id, q.generation, q.text, a.text FROM question q
                    JOIN answer a ON a.question_id = q.id JOIN verdict v ON v.answer_id = a.id
                    WHERE q.fragment_id IN {IDS} AND v.reason IS NULL ORDER BY a.id"""
        return self._db.each(query, (among(fragment_ids),))

    def asked_as(self, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """{pair id: (finish reason of its question, heading path of its fragment)}."""
        query = f"""SELECT a.id, q.finish, coalesce(f.heading, '[]') FROM answer a
                    JOIN question q ON q.id = a.question_id
                    LEFT JOIN fragment f ON f.id = q.fragment_id WHERE a.id IN {IDS}"""
        rows = self._db.execute(query, (among(ids),))
        return {id: (finish, " > ".join(json.loads(heading))) for id, finish, heading in rows}

    def checked(self, generation: int) -> Iterator[str]:
        """Pairs of a generation that have a verdict."""
        query = """SELECT v.answer_id FROM verdict v JOIN answer a ON a.id = v.answer_id
                   JOIN question q ON q.id = a.question_id WHERE q.generation = ?"""
        return self._db.column(query, (generation,))

    def kept_texts(self, before: int) -> Iterator[tuple[str, str]]:
        """(question, answer) of the pairs kept before a generation, without documents that are
        gone.

        A new question about a changed document is no repetition: the old pair is not replayed.
        """
        query = f"""SELECT q.text, a.text FROM question q JOIN answer a ON a.question_id = q.id
                    JOIN verdict v ON v.answer_id = a.id
                    WHERE q.generation < ? AND v.reason IS NULL AND {PRESENT}"""
        return self._db.each(query, (before,))

    def scored(self, generation: int) -> Iterator[str]:
        """Pairs of a generation that have a score, or the reason why not."""
        query = """SELECT s.answer_id FROM score s JOIN answer a ON a.id = s.answer_id
                   JOIN question q ON q.id = a.question_id WHERE q.generation = ?"""
        return self._db.column(query, (generation,))

    def selected(self) -> list[SelectedPair]:
        """The live pairs that were selected as new, in the order of generations and selections."""
        query = f"""SELECT s.generation, q.origin, q.turns, q.text, a.text,
                      coalesce(f.text, t.passage, ''), coalesce(d.path, t.document, '')
                    FROM selection s JOIN answer a ON a.id = s.answer_id
                    JOIN question q ON q.id = a.question_id
                    LEFT JOIN fragment f ON f.id = q.fragment_id
                    LEFT JOIN document d ON d.id = f.document_id
                    LEFT JOIN (SELECT question_id, passage, document, min("row")
                               FROM live_trusted_row GROUP BY 1) t ON t.question_id = q.id
                    WHERE s.source = 'new' AND {LIVE} ORDER BY s.generation, s.position"""
        return [
            SelectedPair(generation, origin, tuple(json.loads(turns)), *texts)
            for generation, origin, turns, *texts in self._db.execute(query)
        ]

    def trained(self) -> list[TrainedPair]:
        """All pairs that any generation was trained on, in the order of generations."""
        query = f"""SELECT a.id, q.generation, q.origin, q.fragment_id, q.text, a.text,
                      json_group_array(DISTINCT s.generation), {PRESENT}
                    FROM selection s JOIN answer a ON a.id = s.answer_id
                    JOIN question q ON q.id = a.question_id
                    GROUP BY a.id ORDER BY q.generation, a.id"""
        return [
            TrainedPair(
                id, generation, origin, fragment, question, answer, _numbers(trained), bool(live)
            )
            for id, generation, origin, fragment, question, answer, trained, live in (
                self._db.execute(query)
            )
        ]

    # -- counts and samples for people -------------------------------------------------------

    def reasons(self) -> list[tuple[int, str, int]]:
        """(generation, reason, pairs) of rejected pairs, the most frequent reason first."""
        query = """SELECT generation, kind, rows FROM tally
                   WHERE what = 'verdict' AND kind <> '' ORDER BY generation, rows DESC, kind"""
        return self._db.execute(query).fetchall()

    def outcomes(self) -> list[tuple[int, str, int]]:
        """(generation, outcome, pairs) of scoring."""
        query = """SELECT generation, kind, rows FROM tally
                   WHERE what = 'score' ORDER BY generation, rows DESC, kind"""
        return self._db.execute(query).fetchall()

    def funnel(self) -> list[dict[str, int]]:
        """A row a generation: questions, answers, kept, scored, and the selection by source."""
        query = """
          SELECT generation,
            total(rows) FILTER (WHERE what = 'question') AS questions,
            total(rows) FILTER (WHERE what = 'question' AND kind = 'trusted') AS trusted,
            total(rows) FILTER (WHERE what = 'answer') AS answers,
            total(rows) FILTER (WHERE what = 'verdict' AND kind = '') AS kept,
            total(rows) FILTER (WHERE what = 'score' AND kind = 'scored') AS scored,
            total(rows) FILTER (WHERE what = 'selection' AND kind = 'new') AS new,
            total(rows) FILTER (WHERE what = 'selection' AND kind = 'replay') AS replay,
            total(rows) FILTER (WHERE what = 'selection' AND kind = 'rewrite') AS rewrites,
            total(rows) FILTER (WHERE what = 'selection' AND kind = 'rehearsal') AS rehearsal
          FROM tally GROUP BY 1 ORDER BY 1"""
        return [{name: int(n) for name, n in row.items()} for row in self._db.named(query)]

    def last_answered(self, limit: int) -> list[dict[str, Any]]:
        """The pairs that were answered last, the last one first, with what is known of each.

        Rows have no time: the order is the one in which the stage `answer` works.
        """
        query = """SELECT a.id FROM answer a JOIN question q ON q.id = a.question_id
                   LEFT JOIN fragment f ON f.id = q.fragment_id
                   ORDER BY q.generation DESC, f.tokens DESC, f.id DESC, q.id DESC LIMIT ?"""
        return self._described(list(self._db.column(query, (limit,))))

    def sample_kept(self, generation: int, limit: int) -> list[dict[str, Any]]:
        """Kept pairs spread over the IFD ranking of a generation (those without IFD come last).

        The ranking is of SAMPLED pairs at most: those with the first ids, which follow no order.
        """
        query = f"""
          WITH some AS MATERIALIZED (
            SELECT v.answer_id AS id, s.ifd FROM verdict v CROSS JOIN answer a ON a.id = v.answer_id
            CROSS JOIN question q ON q.id = a.question_id
            LEFT JOIN score s ON s.answer_id = v.answer_id
            WHERE q.generation = ? AND v.reason IS NULL ORDER BY v.answer_id LIMIT {SAMPLED})
          SELECT id FROM some ORDER BY ifd IS NULL, ifd DESC, id"""
        ranking = list(self._db.column(query, (generation,)))
        step = max(1.0, (len(ranking) - 1) / max(1, limit - 1))
        places = sorted({round(i * step) for i in range(limit) if round(i * step) < len(ranking)})
        return self._described([ranking[place] for place in places])

    def sample_rejected(self, generation: int, each: int) -> list[dict[str, Any]]:
        """At most `each` rejected pairs for every reason of a generation, by reason."""
        # Down an index of the rejected pairs, and only until there are enough.
        query = """SELECT v.answer_id FROM verdict v CROSS JOIN answer a ON a.id = v.answer_id
                   CROSS JOIN question q ON q.id = a.question_id
                   WHERE v.reason = ? AND q.generation = ? ORDER BY v.answer_id LIMIT ?"""
        reasons = sorted(reason for g, reason, _ in self.reasons() if g == generation)
        ids = [self._db.column(query, (reason, generation, each)) for reason in reasons]
        return self._described([id for some in ids for id in some])

    def _described(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Everything that is known of pairs, in the order of `ids`; `given`: a trusted row."""
        query = f"""SELECT a.id AS id, q.generation AS generation, q.text AS question,
                      a.text AS answer, coalesce(f.text, '') AS fragment,
                      coalesce(f.heading, '[]') AS heading, coalesce(d.path, '') AS path,
                      (SELECT t.path || ', row ' || t."row" FROM trusted_row t
                       WHERE t.question_id = q.id ORDER BY t."row" LIMIT 1) AS given,
                      v.reason AS reason, v.detail AS detail, s.outcome AS outcome, s.ifd AS ifd,
                      s.nll_given_question AS nll_given_question, s.nll_alone AS nll_alone
                    FROM answer a JOIN question q ON q.id = a.question_id
                    LEFT JOIN fragment f ON f.id = q.fragment_id
                    LEFT JOIN document d ON d.id = f.document_id
                    LEFT JOIN verdict v ON v.answer_id = a.id
                    LEFT JOIN score s ON s.answer_id = a.id WHERE a.id IN {IDS}"""
        found = {row["id"]: row for row in self._db.named(query, (among(ids),))}
        return [found[id] | {"heading": tuple(json.loads(found[id]["heading"]))} for id in ids]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted(json.loads(text)))
