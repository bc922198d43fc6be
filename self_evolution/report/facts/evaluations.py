"""The scores of the generations: all of them, the leader, and its difference to the base."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from self_evolution.config import Config
from self_evolution.evaluation.statistics import NO_DIFFERENCE, PairedDifference, adjusted
from self_evolution.evaluation.tasks import MAIN, RECALL, TASKS, Task, deciding
from self_evolution.ledger import Ledger
from self_evolution.records import Difference, Evaluation

Trend = Literal["rose", "fell", "no difference shown"]
TRENDS: dict[str, Trend] = {"higher": "rose", "lower": "fell"}

Differences = Mapping[Difference, PairedDifference]
"""The differences in the ledger, each with its p-value after Holm."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The scores of the base and of the compared generation in a task, in its deciding metric."""

    task: Task
    base: Evaluation
    now: Evaluation
    difference: PairedDifference | None

    @property
    def trend(self) -> Trend:
        """By the paired difference; without one, by whether the intervals overlap."""
        if self.difference:
            return trend(self.difference)
        if self.now.low > self.base.high:
            return "rose"
        return "fell" if self.now.high < self.base.low else NO_DIFFERENCE


@dataclass(frozen=True, slots=True)
class Lead:
    """The comparison of a generation with the base.

    `compared`: the leader, or the last evaluated generation while the base leads. `metric` decides
    in the main task, `metrics` in each task. `changes` since the base are by generation and task;
    `best` is the highest score of a generation in the main task.
    """

    metric: str
    metrics: Mapping[Task, str]
    leader: int
    compared: int
    comparisons: tuple[Comparison, ...]
    changes: Mapping[tuple[int, Task], PairedDifference]
    best: Evaluation | None

    @property
    def main(self) -> Comparison | None:
        return next((one for one in self.comparisons if one.task == MAIN), None)

    @property
    def others(self) -> bool:
        """Whether another metric than `metric` decides in a task that was compared."""
        return any(one.now.metric != self.metric for one in self.comparisons)


def trend(difference: PairedDifference) -> Trend:
    return TRENDS.get(difference.direction, NO_DIFFERENCE)


def lead(config: Config, ledger: Ledger, differences: Differences) -> Lead:
    rows = ledger.evaluations.of_generations()
    metrics = deciding(ledger, config.promote.metric)
    leader = ledger.evaluations.leader()
    compared = leader or max((row.generation for row in rows), default=0)
    found = {
        (row.generation, task): row
        for row in rows
        if row.metric == metrics.get(task := Task.of(row))
    }
    changes = {
        (row.generation, task): one
        for row, one in differences.items()
        if row.against == 0 and row.metric == metrics.get(task := Task.of(row))
    }
    comparisons = tuple(
        Comparison(task, found[0, task], found[compared, task], changes.get((compared, task)))
        for task in TASKS
        if (0, task) in found and (compared, task) in found
    )
    curve = [row for (_, task), row in found.items() if task == MAIN]
    best = max(curve, key=lambda row: row.mean, default=None)
    return Lead(metrics[MAIN], metrics, leader, compared, comparisons, changes, best)


def differences(rows: Iterable[Difference]) -> Differences:
    """The differences in the order of tasks, with p adjusted (Holm) within each family.

    A family has the differences of all generations in one task and metric: to the base, to other
    leaders, or to one rival.
    """

    def family(row: Difference) -> tuple[int, str, int]:
        return list(TASKS).index(Task.of(row)), row.metric, min(row.against, 1)

    def found() -> Iterator[tuple[Difference, PairedDifference]]:
        for _, some in groupby(sorted(rows, key=family), key=family):
            yield from adjusted({row: PairedDifference.of(row) for row in some}).items()

    return dict(found())


@dataclass(frozen=True, slots=True)
class TaskScores:
    """The scores of one task in all metrics: `rows[generation][metric]`.

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
    """Return how often the search found the right passage, in the order of tasks."""
    found = [row for row in rows if row.metric.startswith(RECALL.format(""))]
    found = [row for row in found if row.generation == generation and Task.of(row) in TASKS]
    return sorted(found, key=lambda row: list(TASKS).index(Task.of(row)))
