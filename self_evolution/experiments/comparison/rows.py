"""Scores of several models on the same questions, and each one's difference to the first."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from self_evolution.evaluation.statistics import (
    Interval,
    PairedDifference,
    adjusted,
    bootstrap,
    paired,
)
from self_evolution.evaluation.tasks import Task


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
    """A model: its mean in each task, and how far it is above the first (which has no `above`)."""

    name: str
    metrics: Mapping[Task, str]
    scores: Mapping[Task, Interval]
    above: Mapping[Task, PairedDifference]

    def as_json(self) -> dict[str, Any]:
        """{"scores": [{suite, mode, metric, mean, low, high, n}], "differences": [the same with
        p, p_holm and verdict]}; differences are to the first row."""
        return {
            "scores": [
                task._asdict() | {"metric": self.metrics[task]} | score._asdict()
                for task, score in self.scores.items()
            ],
            "differences": [
                task._asdict()
                | {"metric": self.metrics[task]}
                | above._asdict()
                | {"verdict": above.verdict}
                for task, above in self.above.items()
            ],
        }


def rows(names: Sequence[str], values: Sequence[Mapping[Task, Values]], seed: int) -> list[Row]:
    """A row a model. All have the same tasks, whose values are in the same order."""
    above = adjusted(
        {
            (i, task): difference(values[0][task], mine, seed)
            for i, tasks in enumerate(values)
            if i
            for task, mine in tasks.items()
        }
    )
    return [
        Row(
            name,
            {task: one.metric for task, one in tasks.items()},
            {task: bootstrap(one.scores, one.documents, seed=seed) for task, one in tasks.items()},
            {task: above[i, task] for task in tasks if (i, task) in above},
        )
        for i, (name, tasks) in enumerate(zip(names, values, strict=True))
    ]


def difference(before: Values, after: Values, seed: int) -> PairedDifference:
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
