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
from self_evolution.experiments.comparison.sides import Key, Side


class Scores(NamedTuple):
    """Scores of a model in percent, in one order for all models.

    `documents`: the cluster of each score, which is resampled as a whole. `seeds`: the number of
    the model's run that answered. The runs were trained with different seeds and have equally many
    scores.
    """

    metric: str
    scores: Sequence[float]
    documents: Sequence[Hashable]
    seeds: Sequence[int]


@dataclass(frozen=True, slots=True)
class Row:
    """A model: its mean in each task, and its difference to the first model, which has no
    `above`."""

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
                | {"verdict": above.direction}
                for task, above in self.above.items()
            ],
        }


def common_scores(
    models: Sequence[Sequence[Side]], task: Task, metric: str
) -> tuple[list[Scores], int]:
    """Return the scores of each model on the questions that all runs of all models answered.

    Also return the number of questions that are left out because some run did not answer them.
    """
    scores = [[side.scores(task, metric) for side in sides] for sides in models]
    runs = [one for some in scores for one in some]
    common = [key for key in runs[0] if all(key in one for one in runs)]
    documents = _documents(models[0][0], task.suite, common)
    found = [
        Scores(
            metric,
            [one[key] for one in some for key in common],
            documents * len(some),
            [place for place in range(len(some)) for _ in common],
        )
        for some in scores
    ]
    return found, max(map(len, runs)) - len(common)


def _documents(side: Side, suite: str, keys: Sequence[Key]) -> list[str]:
    """The cluster of each question: its passage or topic. Ids cannot be used, because each run has
    its own."""
    items = side.items[suite]
    return [key[0] or items[key].cluster_id or f"{key[1]}\0{key[2]}" for key in keys]


def rows(names: Sequence[str], found: Mapping[Task, Sequence[Scores]], seed: int) -> list[Row]:
    """Return a row for each model; `found` has the scores of each, in the order of `names`.

    Tasks without any scores are left out.
    """
    tasks = [task for task, some in found.items() if some[0].scores]
    above = adjusted(
        {
            (i, task): difference(found[task][0], found[task][i], seed)
            for i in range(1, len(names))
            for task in tasks
        }
    )
    return [
        Row(
            name,
            {task: found[task][i].metric for task in tasks},
            {
                task: bootstrap(found[task][i].scores, found[task][i].documents, seed=seed)
                for task in tasks
            },
            {task: above[i, task] for task in tasks if i},
        )
        for i, name in enumerate(names)
    ]


def difference(before: Scores, after: Scores, seed: int) -> PairedDifference:
    """Return the difference, paired by question and seed. It is shown only if documents and seeds
    both show it.

    With several seeds, two intervals are made: one over documents (for these seeds) and one over
    seeds (for these documents). The result has the outer ends of both, and the larger p. If all
    seeds have the same difference, the interval over documents is used alone.
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
