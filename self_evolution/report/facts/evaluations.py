"""All scores of the generations, by task and metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from self_evolution.evaluation.tasks import RECALL, TASKS, Task
from self_evolution.records import Evaluation


@dataclass(frozen=True, slots=True)
class TaskScores:
    """All metrics of one task: rows[generation][metric].

    Scores of a metric with more than one signature are not comparable over the generations.
    """

    task: Task
    metrics: tuple[str, ...]
    rows: dict[int, dict[str, Evaluation]]
    signatures: dict[str, tuple[str, ...]]


def task_scores(rows: Sequence[Evaluation]) -> Iterator[TaskScores]:
    for task in TASKS:
        mine = [row for row in rows if Task.of(row) == task]
        metrics = sorted({row.metric for row in mine})
        if mine:
            yield TaskScores(
                task,
                tuple(metrics),
                {
                    generation: {row.metric: row for row in some}
                    for generation, some in groupby(mine, key=lambda row: row.generation)
                },
                {
                    metric: tuple(sorted({row.signature for row in mine if row.metric == metric}))
                    for metric in metrics
                },
            )


def recalls(rows: Sequence[Evaluation], generation: int) -> list[Evaluation]:
    """How often the search found the right passage, in the order of tasks."""
    found = [row for row in rows if row.metric.startswith(RECALL.format(""))]
    found = [row for row in found if row.generation == generation and Task.of(row) in TASKS]
    return sorted(found, key=lambda row: list(TASKS).index(Task.of(row)))
