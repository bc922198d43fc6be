"""One side of a comparison: a run's questions and what one generation answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from self_evolution.config import Config
from self_evolution.errors import UserError, some
from self_evolution.evaluation.abilities import ABILITIES
from self_evolution.evaluation.scores import ScoredPrediction, scored_predictions
from self_evolution.evaluation.tasks import NOT_OF_RIVALS, TASKS, Task, deciding
from self_evolution.ledger import Ledger
from self_evolution.models.other_models import label
from self_evolution.records import Evaluation, Item
from self_evolution.run.read import RunReader, read_run
from self_evolution.schedule import left
from self_evolution.text.counts import many

Key = tuple[str, str, int]
"""The key by which a question is recognised in other runs: its passage, its text, and its number
among equal ones."""


@dataclass(frozen=True, slots=True)
class Side:
    """Answers of generation `generation`; `answers[task][key]`, `items[suite][key]`.

    The generation of a rival is its number, which is below 0. Its name contains this number and the
    name of the model. `metrics[task]` is the metric that decides in that task. `evaluations`, and
    `steps` of training, are those of all generations of the run.
    """

    name: str
    generation: int
    leader: int
    complete: bool
    settings: Config
    metrics: dict[Task, str]
    items: dict[str, dict[Key, Item]]
    answers: dict[Task, dict[Key, ScoredPrediction]]
    evaluations: list[Evaluation]
    steps: tuple[int, ...]

    @property
    def called(self) -> str:
        if self.generation < 0:
            return self.name
        return f"{self.name} (generation {self.generation})"

    def scores(self, task: Task, metric: str) -> dict[Key, float]:
        """{question: score in percent} of the questions that `metric` applies to."""
        found = {key: answer.score(metric) for key, answer in self.answers[task].items()}
        return {key: score for key, score in found.items() if score is not None}


def side(folder: Path, wanted: str, name: str = "") -> Side:
    """Return the side of a run. `wanted` is leader, last, or a number. Raises UserError if that
    generation is not evaluated."""
    with read_run(folder) as run:
        return _side(run, _generation(folder, run.ledger, wanted), name or str(folder))


def rival_sides(folder: Path) -> tuple[list[Side], list[str]]:
    """Return a side for each rival of the run, in the order in which they came, and notes.

    A rival that has not answered all tasks yet is left out, with a note.
    """
    found, notes = [], []
    with read_run(folder) as run:
        evaluations = run.ledger.evaluations.of_generations()
        tasks = {Task.of(row) for row in evaluations if row.suite not in NOT_OF_RIVALS}
        for row in run.ledger.evaluations.rivals():
            name = f"rival {-row.generation}, {label(row.name, row.identity)}"
            if missing := tasks - run.ledger.evaluations.evaluated(row.generation):
                notes.append(
                    f"{name}, has not done {len(missing)} of {len(tasks)} tasks, and is left out: "
                    f"`self-evolution rivals {folder}` goes on"
                )
            else:
                found.append(_side(run, row.generation, name))
    return found, notes


def _side(run: RunReader, generation: int, name: str) -> Side:
    settings, ledger = run.config, run.ledger
    items = {
        suite: _keyed(ledger.items.of_suite(suite)) for suite in {task.suite for task in TASKS}
    }
    if not any(some for suite, some in items.items() if suite != ABILITIES):
        raise UserError(
            f"{run.folder}: no evaluation set, so there is nothing to compare; start a new run "
            "with --eval FILE"
        )
    return Side(
        name,
        generation,
        ledger.evaluations.leader(),
        not left(settings, ledger),
        settings,
        deciding(ledger, settings.promote.metric),
        items,
        {task: _answers(ledger, generation, task, items[task.suite]) for task in TASKS},
        ledger.evaluations.of_generations(),
        tuple(row.steps for row in ledger.training.adapters()),
    )


def asked_alike(sides: Sequence[Side]) -> tuple[list[Side], list[str]]:
    """Return the sides, reduced to the questions that all of them were asked, and notes.

    Each base writes its own questions on former abilities. They are left out if they differ. If a
    rival is compared, all is left out that rivals are not asked. Raises UserError that names any
    other difference to the first side.
    """
    first = sides[0]
    notes: list[str] = []
    for other in sides[1:]:
        unlike = {suite: list(_unlike(first, other, suite)) for suite in sorted(first.items)}
        if unlike.pop(ABILITIES) and not notes:
            notes.append(
                f"the questions on former abilities, which each base sets itself, differ in "
                f"{first.name} and {other.name}: they are left out"
            )
        lines = [line for some in unlike.values() for line in some]
        if lines:
            head = f"{other.name} was not asked what {first.name} was: they cannot be compared"
            raise UserError("\n".join([head, *lines]))
    if any(one.generation < 0 for one in sides):
        return [_without(one, NOT_OF_RIVALS) for one in sides], notes
    return [_without(one, [ABILITIES] if notes else []) for one in sides], notes


def _without(side: Side, suites: Collection[str]) -> Side:
    answers = {task: {} if task.suite in suites else some for task, some in side.answers.items()}
    return replace(side, items=side.items | {suite: {} for suite in suites}, answers=answers)


def _generation(folder: Path, ledger: Ledger, wanted: str) -> int:
    evaluated = [row.generation for row in ledger.stages() if row.name == "evaluate" and row.done]
    if not evaluated:
        raise UserError(f"{folder}: not evaluated yet; `self-evolution run --run {folder}` goes on")
    if wanted == "leader":
        return ledger.evaluations.leader()
    if wanted == "last":
        return max(evaluated)
    if not wanted.isdecimal():
        raise UserError(f"--generation {wanted}: expected leader, last or a number")
    if int(wanted) not in evaluated:
        there = ", ".join(map(str, sorted(evaluated)))
        raise UserError(
            f"--generation {wanted}: not evaluated in {folder}, which has {there}; give one of "
            "these, or finish the run first"
        )
    return int(wanted)


def _keyed(items: Sequence[Item]) -> dict[Key, Item]:
    seen: Counter[tuple[str, str]] = Counter()
    found = {}
    for item in items:
        text = item.passage.strip(), item.question.strip()
        found[*text, seen[text]] = item
        seen[text] += 1
    return found


def _answers(
    ledger: Ledger, generation: int, task: Task, items: Mapping[Key, Item]
) -> dict[Key, ScoredPrediction]:
    found = {row.item.id: row for row in scored_predictions(ledger, generation, task)}
    return {key: found[item.id] for key, item in items.items() if item.id in found}


def _unlike(first: Side, other: Side, suite: str) -> Iterator[str]:
    mine, theirs = first.items[suite], other.items[suite]
    for missing, where in (
        (mine.keys() - theirs.keys(), other),
        (theirs.keys() - mine.keys(), first),
    ):
        if missing:
            lacked = many(len(missing), f"{suite} question")
            yield f"{where.name} lacks {lacked}: {_quoted(sorted(missing))}"
    changed = [
        key
        for key, item in mine.items()
        if key in theirs
        and (item.reference, item.reference_values)
        != (theirs[key].reference, theirs[key].reference_values)
    ]
    if changed:
        told = many(len(changed), f"{suite} question")
        yield f"{other.name} has another reference for {told}: {_quoted(changed)}"


def _quoted(keys: Sequence[Key]) -> str:
    return some([f"“{question[:80]}”" for _, question, _ in keys], "; ")
