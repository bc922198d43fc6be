"""What people ask of a run: counts, reasons, samples, everything as lines."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from self_evolution.ledger.store import TABLES, Store, chunks
from self_evolution.records import Document


class DocumentRow(NamedTuple):
    """A document with what became of it; `languages` are codes, the commonest first.

    `path` is where its file is now, which may have been moved since it was read.
    """

    document: Document
    path: str
    here: bool
    sections: int
    fragments: int
    duplicates: int
    languages: str


class Review(Store):
    """Counts and samples; none of it is needed to go on with a run."""

    def reasons(self) -> list[tuple[int, str, int]]:
        """(generation, reason, pairs): why pairs were rejected, the commonest first."""
        query = """SELECT q.generation, v.reason, count(*) AS n FROM verdict v
                   JOIN answer a ON a.id = v.answer_id JOIN question q ON q.id = a.question_id
                   WHERE v.reason IS NOT NULL GROUP BY 1, 2 ORDER BY 1, n DESC, 2"""
        return self._db.execute(query).fetchall()

    def outcomes(self) -> list[tuple[int, str, int]]:
        """(generation, outcome, pairs): what became of scoring."""
        query = """SELECT q.generation, s.outcome, count(*) AS n FROM score s
                   JOIN answer a ON a.id = s.answer_id JOIN question q ON q.id = a.question_id
                   GROUP BY 1, 2 ORDER BY 1, n DESC, 2"""
        return self._db.execute(query).fetchall()

    def funnel(self) -> list[dict[str, int]]:
        """A row a generation: questions, answers, kept, scored, and the selection by source."""
        query = """SELECT q.generation AS generation, count(*) AS questions,
                     count(a.id) AS answers, sum(v.answer_id IS NOT NULL AND v.reason IS NULL)
                     AS kept, sum(coalesce(s.outcome = 'scored', 0)) AS scored
                   FROM question q LEFT JOIN answer a ON a.question_id = q.id
                   LEFT JOIN verdict v ON v.answer_id = a.id LEFT JOIN score s ON s.answer_id = a.id
                   GROUP BY 1 ORDER BY 1"""
        names = ("generation", "questions", "answers", "kept", "scored")
        rows = [dict(zip(names, row, strict=True)) for row in self._db.execute(query)]
        for row in rows:
            row |= {"new": 0, "replay": 0, "rehearsal": 0}
            query = "SELECT source, count(*) FROM selection WHERE generation = ? GROUP BY 1"
            row.update(self._db.execute(query, (row["generation"],)).fetchall())
        return rows

    def fragment_counts(self) -> dict[str, int]:
        """Of what is here: documents with text, unreadable ones, sections, fragments, duplicates.

        `near` are those duplicates that are near ones; `gone` counts the documents changed or
        withdrawn since they were read.
        """
        query = """
          WITH live AS MATERIALIZED (SELECT id, problem, container FROM live_document),
          asked AS MATERIALIZED (SELECT id FROM live_fragment),
          f AS (SELECT id, duplicate FROM fragment WHERE document_id IN (SELECT id FROM live))
          SELECT
            (SELECT count(*) FROM live WHERE id IN (SELECT document_id FROM section)),
            (SELECT count(*) FROM live WHERE problem IS NOT NULL),
            (SELECT count(*) FROM section WHERE document_id IN (SELECT id FROM live)),
            (SELECT count(*) FROM f),
            (SELECT count(*) FROM f) - (SELECT count(*) FROM asked),
            (SELECT count(*) FROM f WHERE duplicate = 'near' AND id NOT IN asked),
            (SELECT count(*) FROM document) - (SELECT count(*) FROM live)"""
        names = (
            "documents",
            "unreadable",
            "sections",
            "fragments",
            "duplicates",
            "near",
            "gone",
        )
        return dict(zip(names, self._db.execute(query).fetchone(), strict=True))

    def document_rows(self) -> list[DocumentRow]:
        """All documents by their paths, those that are gone too."""
        sections = dict(self._pairs("SELECT document_id, count(*) FROM section GROUP BY 1"))
        counts = self._pairs(
            """SELECT document_id, count(*), sum(duplicate IS NOT NULL) FROM fragment GROUP BY 1"""
        )
        fragments = {id: (total, duplicates) for id, total, duplicates in counts}
        languages: dict[str, list[str]] = {}
        query = """SELECT document_id, language, count(*) AS n FROM fragment
                   GROUP BY 1, 2 ORDER BY 1, n DESC, 2"""
        for id, language, _ in self._pairs(query):
            languages.setdefault(id, []).append(language)
        here = {row[0] for row in self._pairs("SELECT id FROM live_document")}
        moved = self.meta("moved") or {}
        return [
            DocumentRow(
                document,
                moved.get(document.id, document.path),
                document.id in here,
                sections.get(document.id, 0),
                *fragments.get(document.id, (0, 0)),
                " ".join(languages.get(document.id, [])[:3]),
            )
            for document in self._rows(Document, "ORDER BY path, id")
        ]

    def _pairs(self, query: str) -> list[Any]:
        return self._db.execute(query).fetchall()

    def examples_gone(self) -> dict[int, tuple[int, int]]:
        """{generation: (training examples from documents that are gone, all of its examples)}."""
        query = """SELECT s.generation, sum(q.id IS NOT NULL AND q.fragment_id NOT IN
                     (SELECT id FROM live_fragment)), count(*)
                   FROM selection s LEFT JOIN answer a ON a.id = s.answer_id
                   LEFT JOIN question q ON q.id = a.question_id GROUP BY 1"""
        return {g: (gone, total) for g, gone, total in self._db.execute(query)}

    def withdrawn(self) -> Iterator[tuple[str, str]]:
        """(table, id) of every row that goes back to a document that is gone, in a fixed order.

        Predictions are answers to such a test question, those that were given such a fragment, and
        all those of models that were trained on such a pair, or go on from one that was.
        Judgements are those on such a question or such a model.
        """
        query = """
          WITH RECURSIVE gone AS MATERIALIZED (
            SELECT id FROM fragment
            WHERE document_id NOT IN (SELECT id FROM live_document)
            AND id NOT IN (SELECT id FROM live_fragment)
          ), pair AS (
            SELECT q.id AS question, a.id AS answer FROM question q
            LEFT JOIN answer a ON a.question_id = q.id
            WHERE q.fragment_id NOT IN (SELECT id FROM live_fragment)
          ), test AS (
            SELECT id FROM item WHERE fragment_id IS NOT NULL
            AND fragment_id NOT IN (SELECT id FROM live_fragment)
          ), touched (generation) AS (
            SELECT generation FROM selection WHERE answer_id IN (SELECT answer FROM pair)
            UNION SELECT a.generation FROM adapter a JOIN touched t ON a.parent = t.generation
          )
          SELECT 'document', id FROM document WHERE id NOT IN (SELECT id FROM live_document)
          UNION SELECT 'fragment', id FROM gone
          UNION SELECT 'question', question FROM pair
          UNION SELECT 'answer', answer FROM pair WHERE answer IS NOT NULL
          UNION SELECT 'item', id FROM test
          UNION SELECT 'candidate', id FROM candidate WHERE fragment_id IS NOT NULL
            AND fragment_id NOT IN (SELECT id FROM live_fragment)
          UNION SELECT 'prediction', id FROM prediction
            WHERE generation IN (SELECT generation FROM touched)
            OR item_id IN (SELECT id FROM test)
          UNION SELECT 'prediction', p.id FROM prediction p, json_each(p.sources) shown
            WHERE shown.value IN (SELECT id FROM gone)
          UNION SELECT 'judgement', id FROM judgement
            WHERE generation IN (SELECT generation FROM touched)
            OR item_id IN (SELECT id FROM test)
          ORDER BY 1, 2"""
        return iter(self._db.execute(query))

    def sample_pairs(self, generation: int, limit: int) -> list[dict[str, Any]]:
        """Kept pairs spread over the IFD ranking of a generation (those without IFD come last)."""
        kept = """FROM question q JOIN answer a ON a.question_id = q.id
                  JOIN verdict v ON v.answer_id = a.id LEFT JOIN score s ON s.answer_id = a.id
                  WHERE q.generation = ? AND v.reason IS NULL"""
        total = self._db.execute(f"SELECT count(*) {kept}", (generation,)).fetchone()[0]
        step = max(1.0, (total - 1) / max(1, limit - 1))
        places = sorted({round(i * step) for i in range(limit) if round(i * step) < total})
        query = f"""SELECT id FROM (SELECT a.id, row_number() OVER
                      (ORDER BY s.ifd IS NULL, s.ifd DESC, a.id) - 1 AS place {kept})
                    WHERE place IN ({",".join(map(str, places))}) ORDER BY place"""
        return self._described([row[0] for row in self._db.execute(query, (generation,))])

    def sample_rejected(self, generation: int, each: int) -> list[dict[str, Any]]:
        """At most `each` rejected pairs for every reason of a generation, by reason."""
        query = """SELECT id FROM (SELECT a.id, v.reason, row_number() OVER
                     (PARTITION BY v.reason ORDER BY a.id) AS place
                     FROM question q JOIN answer a ON a.question_id = q.id
                     JOIN verdict v ON v.answer_id = a.id
                     WHERE q.generation = ? AND v.reason IS NOT NULL)
                   WHERE place <= ? ORDER BY reason, place"""
        return self._described([row[0] for row in self._db.execute(query, (generation, each))])

    def _described(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """All that is known of pairs, in the order of `ids` (answer ids)."""
        columns = {
            "id": "a.id",
            "generation": "q.generation",
            "question": "q.text",
            "answer": "a.text",
            "fragment": "f.text",
            "heading": "f.heading",
            "path": "d.path",
            "reason": "v.reason",
            "detail": "v.detail",
            "outcome": "s.outcome",
            "ifd": "s.ifd",
            "nll_given_question": "s.nll_given_question",
            "nll_alone": "s.nll_alone",
        }
        found: dict[str, dict[str, Any]] = {}
        for chunk in chunks(ids):
            query = f"""SELECT {", ".join(columns.values())} FROM answer a
                        JOIN question q ON q.id = a.question_id
                        JOIN fragment f ON f.id = q.fragment_id
                        JOIN document d ON d.id = f.document_id
                        LEFT JOIN verdict v ON v.answer_id = a.id
                        LEFT JOIN score s ON s.answer_id = a.id
                        WHERE a.id IN ({",".join("?" * len(chunk))})"""
            for row in self._db.execute(query, chunk):
                pair = dict(zip(columns, row, strict=True))
                found[pair["id"]] = pair | {"heading": tuple(json.loads(pair["heading"]))}
        return [found[id] for id in ids]

    def export(self) -> Iterator[tuple[str, Iterator[str]]]:
        """(table, its rows as JSON lines) in a fixed order: equal runs give equal bytes."""
        for table, cls in TABLES.items():
            names = [field.name for field in dataclasses.fields(cls)]
            keys = [row[1] for row in self._db.execute(f"PRAGMA table_info({table})") if row[5]]
            yield table, self._export_rows(cls, names, keys)
        gone = ({"table": table, "id": id} for table, id in self.withdrawn())
        yield "withdrawn", (json.dumps(row, sort_keys=True) for row in gone)

    def _export_rows(self, cls: type[Any], names: list[str], keys: list[str]) -> Iterator[str]:
        for row in self._rows(cls, f"ORDER BY {', '.join(keys)}"):
            values = {name: getattr(row, name) for name in names}
            yield json.dumps(values, ensure_ascii=False, sort_keys=True)
