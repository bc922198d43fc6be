"""Teachers: other models that asked and answered in place of the run's own."""

from __future__ import annotations

from dataclasses import dataclass

from self_evolution.ledger.database import Part
from self_evolution.records import Teacher


@dataclass(frozen=True, slots=True)
class TeacherCounts:
    """The counts say how many texts of each kind a teacher wrote: pairs, built test questions, and
    rewrites of fragments. Of the pairs, `kept` may be trained on, and of the rewrites,
    `rewrites_kept`.

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
          SELECT t.id, t.name, total(n.rows) FILTER (WHERE what = 'taught'),
            total(n.rows) FILTER (WHERE what = 'kept'),
            (SELECT count(*) FROM candidate c CROSS JOIN taught w ON w.id = c.id
             WHERE w.teacher_id = t.id AND c.reason IS NULL),
            (SELECT count(*) FROM rewrite r CROSS JOIN taught w ON w.id = r.id
             WHERE w.teacher_id = t.id),
            (SELECT count(*) FROM rewrite r CROSS JOIN taught w ON w.id = r.id
             WHERE w.teacher_id = t.id AND r.reason IS NULL)
          FROM teacher t LEFT JOIN tally n ON n.what IN ('taught', 'kept') AND n.kind = t.id
          GROUP BY t.id ORDER BY t.name, t.id"""
        return [
            TeacherCounts(id, name, int(pairs), int(kept), *others)
            for id, name, pairs, kept, *others in self._db.execute(query)
        ]
