"""Teachers: other models that asked and answered in place of the run's own."""

from __future__ import annotations

from dataclasses import dataclass

from self_evolution.ledger.database import Part
from self_evolution.records import Teacher


@dataclass(frozen=True, slots=True)
class TeacherCounts:
    """What a teacher wrote: pairs, those that may be trained on (`kept`), built test questions;
    rewrites of fragments, and those that may be trained on.

    `id` is an endpoint's address and model, or a digest of a model's files; `name` is as in the
    settings.
    """

    id: str
    name: str
    pairs: int
    kept: int
    test_questions: int
    rewrites: int
    rewrites_kept: int


class Teachers(Part):
    """A pair is its teacher's if the teacher gave the answer."""

    def all(self) -> list[Teacher]:
        return self._db.rows(Teacher, "ORDER BY id")

    def counts(self) -> list[TeacherCounts]:
        """A row for each teacher, by name."""
        query = """
          SELECT t.id, t.name, count(a.id), coalesce(sum(v.answer_id IS NOT NULL
              AND v.reason IS NULL), 0),
            coalesce(sum(c.id IS NOT NULL AND c.reason IS NULL), 0),
            count(r.id), coalesce(sum(r.id IS NOT NULL AND r.reason IS NULL), 0)
          FROM teacher t LEFT JOIN taught w ON w.teacher_id = t.id
          LEFT JOIN answer a ON a.id = w.id LEFT JOIN verdict v ON v.answer_id = a.id
          LEFT JOIN candidate c ON c.id = w.id LEFT JOIN rewrite r ON r.id = w.id
          GROUP BY t.id ORDER BY t.name, t.id"""
        return [TeacherCounts(*row) for row in self._db.execute(query)]
