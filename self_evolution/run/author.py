"""The author of questions and answers: the run's own model, or the teacher in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from self_evolution.models import Engine, Reply, SamplingParams, Weights
from self_evolution.models.other_models import OtherModel
from self_evolution.records import Message, Taught, Teacher
from self_evolution.run.run import Run

Result = TypeVar("Result")

Write = Callable[[Sequence[Sequence[Message]], SamplingParams, Sequence[int]], list[Reply]]
"""Writes a reply to each prompt, with a seed for each."""

Task = Callable[[Write], Result]
"""An author calls a task with the function that writes, once for each batch. A task can be pickled,
as a `Job` can."""


class Author:
    """Writes questions and answers for a generation. Each text that a teacher writes is recorded as
    such.

    If no teacher is named, the run's own model writes. With the `weights` "base" it writes as the
    base, and with "current" as the generation `parent`. If `own` is true, the run's own model
    writes even if a teacher is named.
    """

    def __init__(self, run: Run, parent: int, weights: Weights, own: bool = False) -> None:
        self._run, self._parent, self._weights, self._own = run, parent, weights, own

    def load(self) -> None:
        """Have the model in memory that `generate` needs."""
        if self._teacher is None:
            self._run.use(self._parent)

    def generate(
        self, prompts: Sequence[Sequence[Message]], params: SamplingParams, seeds: Sequence[int]
    ) -> list[Reply]:
        if teacher := self._teacher:
            return teacher.generator.generate(prompts, params, seeds, "base")
        self._run.use(self._parent)
        return self._run.engine.generate(prompts, params, seeds, self._weights)

    def work(self, tasks: Iterator[Task[Result]]) -> Iterator[Result]:
        """Do tasks of writing, and yield the results in order. See `Run.work`."""
        if self._teacher:
            return (task(self.generate) for task in tasks)
        jobs = (partial(_written, task, self._weights) for task in tasks)
        return self._run.work(jobs, self._parent)

    def signed(self, ids: Iterable[str]) -> Iterator[Teacher | Taught]:
        """The rows that say who wrote the texts with these ids; none for the run's own model."""
        if teacher := self._teacher:
            row = Teacher(teacher.identity, self._run.config.ask.teacher)
            known = {one.id for one in self._run.ledger.teachers.all()}
            if row.id not in known:
                yield row
            for id in ids:
                yield Taught(id, row.id)

    @property
    def _teacher(self) -> OtherModel | None:
        return None if self._own else self._run.models.teacher


def _written(task: Task[Result], weights: Weights, engine: Engine) -> Result:
    def write(
        prompts: Sequence[Sequence[Message]], params: SamplingParams, seeds: Sequence[int]
    ) -> list[Reply]:
        return engine.generate(prompts, params, seeds, weights)

    return task(write)
