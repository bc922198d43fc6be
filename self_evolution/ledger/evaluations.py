"""Predictions, their evaluation, judgements and promotions, of generations and of rivals."""

from __future__ import annotations

import json
from collections import defaultdict

from self_evolution.ledger.database import Part
from self_evolution.ledger.items import Items
from self_evolution.records import (
    Difference,
    Evaluation,
    Item,
    Judgement,
    Promotion,
    Rival,
)

ALWAYS = {"abilities": "exact-match"}
"""Suites with a metric of their own. Answers to the base's own questions are one number or word,
so any other metric would also score the text around it.
"""


class Evaluations(Part):
    """Queries on predictions. A rival has a negative number in place of a generation."""

    # -- predictions -------------------------------------------------------------------------

    def predicted(self, generation: int, mode: str) -> set[str]:
        """Ids of the items that have a prediction."""
        query = "SELECT item_id FROM prediction WHERE generation = ? AND mode = ?"
        return set(self._db.column(query, (generation, mode)))

    def predictions(self, generation: int, suite: str, mode: str) -> list[tuple[Item, str]]:
        """(item, predicted text) in the order of the items."""
        query = "SELECT item_id, text FROM prediction WHERE generation = ? AND mode = ?"
        texts = dict(self._db.execute(query, (generation, mode)))
        items = Items(self._db).of_suite(suite)
        return [(item, texts[item.id]) for item in items if item.id in texts]

    def scores(
        self, generation: int, suite: str, mode: str
    ) -> list[tuple[str, Item, str, dict[str, float | None]]]:
        """(prediction id, item, text, {signature: score}) in the order of the items.

        Scores are those that are stored: in percent, None where the metric does not apply.
        """
        query = """SELECT p.id, g.text, s.value FROM prediction p
                   JOIN item i ON i.id = p.item_id
                   JOIN prediction_score s ON s.prediction_id = p.id
                   JOIN signature g ON g.id = s.signature_id
                   WHERE p.generation = ? AND i.suite = ? AND p.mode = ?"""
        scores: dict[str, dict[str, float | None]] = defaultdict(dict)
        for id, signature, value in self._db.execute(query, (generation, suite, mode)):
            scores[id][signature] = value
        query = "SELECT item_id, id FROM prediction WHERE generation = ? AND mode = ?"
        ids = dict(self._db.execute(query, (generation, mode)))
        found = self.predictions(generation, suite, mode)
        return [(ids[item.id], item, text, scores[ids[item.id]]) for item, text in found]

    def unscored(self) -> list[tuple[int, str, str]]:
        """(generation, suite, mode) of the predictions that have no score at all."""
        query = """SELECT DISTINCT p.generation, i.suite, p.mode FROM prediction p
                   JOIN item i ON i.id = p.item_id WHERE NOT EXISTS (
                     SELECT 1 FROM prediction_score s WHERE s.prediction_id = p.id)"""
        return self._db.execute(query).fetchall()

    def signatures(self) -> dict[str, int]:
        """{signature: id} of the metrics with which scores were made."""
        return dict(self._db.execute("SELECT text, id FROM signature"))

    def shown(self, generation: int, suite: str, mode: str) -> dict[str, tuple[str, ...]]:
        """{item answered: ids of the fragments that were shown with it, the best first}."""
        query = """SELECT p.item_id, p.sources FROM prediction p JOIN live_item i
                   ON i.id = p.item_id WHERE p.generation = ? AND i.suite = ? AND p.mode = ?"""
        rows = self._db.execute(query, (generation, suite, mode))
        return {id: tuple(json.loads(sources)) for id, sources in rows}

    def passages_shown(self, generation: int, mode: str, item_id: str) -> tuple[str, ...]:
        """Ids of the fragments that were shown with a question, the best first."""
        query = "SELECT sources FROM prediction WHERE generation = ? AND mode = ? AND item_id = ?"
        return tuple(json.loads(self._db.one(query, (generation, mode, item_id)) or "[]"))

    def answers_to(self, item_id: str, mode: str) -> list[tuple[int, str]]:
        """(generation, answer) to a question in a mode, without rivals, by generation."""
        query = """SELECT generation, text FROM prediction
                   WHERE item_id = ? AND mode = ? AND generation >= 0 ORDER BY generation"""
        return self._db.execute(query, (item_id, mode)).fetchall()

    def unanswered(self, generation: int) -> tuple[int, int, int]:
        """(answers, empty ones, those that were cut off) over all tasks."""
        query = """SELECT count(*), coalesce(sum(text = ''), 0),
                     coalesce(sum(finish = 'length'), 0) FROM prediction WHERE generation = ?"""
        answers, empty, cut = self._db.execute(query, (generation,)).fetchone()
        return answers, empty, cut

    # -- evaluations -------------------------------------------------------------------------

    def of_generations(self) -> list[Evaluation]:
        tail = "WHERE generation >= 0 ORDER BY generation, suite, mode, metric"
        return self._db.rows(Evaluation, tail)

    def of_rivals(self) -> list[Evaluation]:
        tail = "WHERE generation < 0 ORDER BY generation DESC, suite, mode, metric"
        return self._db.rows(Evaluation, tail)

    def evaluated(self, generation: int) -> set[tuple[str, str]]:
        """(suite, mode) of the tasks of a generation, or a rival, that have been scored."""
        query = "SELECT DISTINCT suite, mode FROM evaluation WHERE generation = ?"
        return set(self._db.execute(query, (generation,)))

    def deciding_metric(self, wanted: str, suite: str = "domain", mode: str = "closed") -> str:
        """The metric that decides in a task: its entry in ALWAYS, or else `wanted`.

        It is token-f1 where `wanted` applies to no question of the domain, or of this task.
        """
        if suite in ALWAYS:
            return ALWAYS[suite]
        query = "SELECT DISTINCT metric FROM evaluation WHERE suite = ? AND mode = ?"
        for task in {("domain", "closed"), (suite, mode)}:
            known = set(self._db.column(query, task))
            if known and wanted not in known:
                return "token-f1"
        return wanted

    # -- comparisons -------------------------------------------------------------------------

    def rivals(self) -> list[Rival]:
        """Rivals in the order in which they came."""
        return self._db.rows(Rival, "ORDER BY generation DESC")

    def judgements(self, judge: str, generation: int, against: int) -> list[Judgement]:
        """Judgements by item and place."""
        tail = "WHERE judge = ? AND generation = ? AND against = ? ORDER BY item_id, place"
        return self._db.rows(Judgement, tail, (judge, generation, against))

    def duels(self) -> list[tuple[str, int, int]]:
        """(judge, generation, against) of all judgements."""
        query = "SELECT DISTINCT judge, generation, against FROM judgement ORDER BY 1, 2, 3 DESC"
        return self._db.execute(query).fetchall()

    def differences(self, against: int | None = None) -> list[Difference]:
        """Differences of every generation from generation `against`, or from all."""
        tail = (
            "WHERE against = coalesce(?, against) ORDER BY generation, suite, mode, metric, against"
        )
        return self._db.rows(Difference, tail, (against,))

    def promotions(self) -> list[Promotion]:
        return self._db.rows(Promotion, "ORDER BY generation")

    def leader(self) -> int:
        """The generation that was promoted last; 0, the base, if none was."""
        return max((row.generation for row in self.promotions() if row.promoted), default=0)

    def last(self) -> int:
        """The last generation that promotion decided on; 0 if there is none."""
        return max((row.generation for row in self.promotions()), default=0)
