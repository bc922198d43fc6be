"""Scores of several models on the same questions, and each one's difference to the first."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from self_evolution.evaluation.statistics import Change, Gap, Interval, bootstrap, gaps, paired

Exam = tuple[str, str]
"""Suite and mode: ("domain", "closed")."""


class Values(NamedTuple):
    """Scores in percent, in one order for all models, with what each stands or falls with.

    `documents`: its passage. `seeds`: the seed of the training behind it, where there are several,
    each with as many scores; or none.
    """

    metric: str
    scores: Sequence[float]
    documents: Sequence[Hashable]
    seeds: Sequence[int]


@dataclass(frozen=True, slots=True)
class Row:
    """A model: its mean with interval in each exam, and its gaps (the first row has none)."""

    name: str
    metrics: Mapping[Exam, str]
    scores: Mapping[Exam, Interval]
    gaps: Mapping[Exam, Gap]

    def as_json(self) -> dict[str, Any]:
        """{"scores": [{suite, mode, metric, mean, low, high, n}], "differences": [the same with
        p, p_holm and verdict]}; differences are to the first row."""
        return {
            "scores": [
                {"suite": exam[0], "mode": exam[1], "metric": self.metrics[exam]} | score._asdict()
                for exam, score in self.scores.items()
            ],
            "differences": [
                {"suite": exam[0], "mode": exam[1], "metric": self.metrics[exam]}
                | gap.change._asdict()
                | {"p_holm": gap.p, "verdict": gap.verdict}
                for exam, gap in self.gaps.items()
            ],
        }


def rows(names: Sequence[str], values: Sequence[Mapping[Exam, Values]], seed: int) -> list[Row]:
    """A row a model. All have the same exams, whose values are in the same order."""
    changes = {
        (i, exam): difference(values[0][exam], mine, seed)
        for i, exams in enumerate(values)
        if i
        for exam, mine in exams.items()
    }
    found = gaps(changes)
    return [
        Row(
            name,
            {exam: one.metric for exam, one in exams.items()},
            {exam: bootstrap(one.scores, one.documents, seed=seed) for exam, one in exams.items()},
            {exam: found[i, exam] for exam in exams if (i, exam) in found},
        )
        for i, (name, exams) in enumerate(zip(names, values, strict=True))
    ]


def difference(before: Values, after: Values, seed: int) -> Change:
    """Paired by question and seed; shown only if documents and seeds both show it.

    Where there are several seeds, the interval over documents (for these seeds) and that over
    seeds (for these documents) are both made: the ends are the outer ones, and p the larger one.
    Where all seeds have the very same difference they add nothing, and that over documents stands.
    """
    one = paired(before.scores, after.scores, before.documents, seed=seed)
    totals: dict[int, float] = {}
    for which, old, new in zip(before.seeds, before.scores, after.scores, strict=False):
        totals[which] = totals.get(which, 0.0) + new - old
    if len({round(total, 6) for total in totals.values()}) < 2:
        return one
    other = paired(before.scores, after.scores, before.seeds, seed=seed)
    return one._replace(
        low=min(one.low, other.low), high=max(one.high, other.high), p=max(one.p, other.p)
    )
