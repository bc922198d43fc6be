"""The tasks of an evaluation: a suite of questions, and the mode in which they are asked."""

from __future__ import annotations

from typing import NamedTuple

from self_evolution.evaluation import choice
from self_evolution.evaluation.abilities import ABILITIES
from self_evolution.evaluation.statistics import format_mean
from self_evolution.ledger import Ledger
from self_evolution.records import Difference, Evaluation, Item
from self_evolution.run import Run

TESTS = ("domain", choice.SUITE, "seen", "unseen")
"""Suites of test questions."""

FORMER = ("abilities", "retention")
"""Suites of former abilities: the base's own questions, and the user's."""

NOT_OF_RIVALS = (ABILITIES, choice.SUITE)
"""Suites that other models are not asked. The references of the base's own questions are its own
answers, so rivals would be measured by their likeness to it. And a rival cannot lead."""

MODES = {"closed": "closed book", "retrieved": "with search", "open": "open book"}
"""Modes for people: from memory, with the passages of a search, with the right passage."""


class Task(NamedTuple):
    """The questions of one suite, asked in one mode."""

    suite: str
    mode: str

    @classmethod
    def of(cls, row: Evaluation | Difference) -> Task:
        return cls(row.suite, row.mode)

    @property
    def title(self) -> str:
        return TASKS[self]


MAIN = Task("domain", "closed")
"""The task whose scores are reported first."""

CHOOSING = Task(choice.SUITE, "closed")
"""The task that decides which generation leads, where questions were set apart for this."""

TASKS = {
    MAIN: "Domain questions, book closed",
    Task("domain", "retrieved"): "Domain questions, with search",
    Task("domain", "open"): "Domain questions, passage at hand",
    CHOOSING: "Choosing questions, book closed",
    Task("seen", "closed"): "Built questions, book closed",
    Task("seen", "retrieved"): "Built questions, with search",
    Task("seen", "open"): "Built questions, passage at hand",
    Task("unseen", "closed"): "Unseen documents, book closed",
    Task("unseen", "retrieved"): "Unseen documents, with search",
    Task("unseen", "open"): "Unseen documents, passage at hand",
    Task("abilities", "closed"): "Former abilities, the base's own questions",
    Task("abilities", "open"): "Former abilities, the base's own questions, with a passage",
    Task("retention", "closed"): "Former abilities, from memory",
    Task("retention", "open"): "Former abilities, with a passage",
}
"""Every possible task with its title, in the order in which it is shown."""

RECALL = "recall@{}"
"""The name of the recall at k: of the questions whose passage is in the documents, the share that
was given this passage."""


def tasks(run: Run, generation: int) -> dict[Task, list[Item]]:
    """The tasks that have questions in the ledger and modes in the settings; for a rival, which has
    a number below 0, without NOT_OF_RIVALS."""
    found = {}
    for task in TASKS:
        if generation < 0 and task.suite in NOT_OF_RIVALS:
            continue
        items = [
            item for item in run.ledger.items.of_suite(task.suite) if _belongs(run, task, item)
        ]
        if items:
            found[task] = items
    return found


def _belongs(run: Run, task: Task, item: Item) -> bool:
    """A question on former abilities has one mode: with its passage, if it has one."""
    if task.mode == "retrieved":
        return run.config.evaluate.top_k > 0
    has_passage = bool(item.passage.strip())
    return has_passage if task.mode == "open" else task.suite in TESTS or not has_passage


def choosing(ledger: Ledger) -> Task:
    """The task that decides which generation of a run leads."""
    return CHOOSING if ledger.items.of_suite(choice.SUITE) else MAIN


def deciding(ledger: Ledger, wanted: str) -> dict[Task, str]:
    """{task: the metric in which it is decided and shown}; `wanted` is `promote.metric`."""
    return {task: ledger.evaluations.deciding_metric(wanted, *task) for task in TASKS}


def passage_found(row: Evaluation) -> str:
    """A row of RECALL as a sentence for people."""
    k = row.metric.partition("@")[2]
    among = f"among the {k} found" if k != "1" else "the one found"
    return (
        f"the right passage was {among} for {format_mean(row, '%')} of "
        f"{row.n:,} {row.suite} questions"
    )
