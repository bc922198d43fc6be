"""Whole runs, compared in the metric that decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from self_evolution.evaluation.statistics import NO_DIFFERENCE, format_difference
from self_evolution.evaluation.tasks import MODES, Task
from self_evolution.experiments.comparison.rows import Row, Scores, common_scores, rows
from self_evolution.experiments.comparison.sides import Side, asked_alike
from self_evolution.text.counts import many

EVALUATED_ALIKE = (
    "evaluate.max_tokens",
    "evaluate.temperature",
    "evaluate.top_p",
    "evaluate.top_k",
    "domain.prompts",
)
"""If one of these settings differs between the runs, the comparison is not fair; a note says so."""

NOTHING_COMMON = "There is no question that all of them answered."


@dataclass(frozen=True, slots=True)
class Comparison:
    """`rows` are in the order of `sides`; all differences are to the first side."""

    sides: tuple[Side, ...]
    rows: tuple[Row, ...]
    sentence: str
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """{"runs": [{"run", "generation", "leader", "complete", "scores", "differences"}],
        "sentence", "notes"}: scores and differences as in `Row.as_json`, to the first run."""
        return {
            "runs": [
                {
                    "run": one.name,
                    "generation": one.generation,
                    "leader": one.leader,
                    "complete": one.complete,
                }
                | row.as_json()
                for one, row in zip(self.sides, self.rows, strict=True)
            ],
            "sentence": self.sentence,
            "notes": list(self.notes),
        }


def compare(sides: Sequence[Side], notes: Sequence[str] = ()) -> Comparison:
    """Compare all sides with the first; `notes` come before those that are found.

    Raises UserError if the sides were not asked the same questions.
    """
    sides, left_out = asked_alike(sides)
    remarks = [
        *notes,
        *left_out,
        *(f"{one.name} is unfinished" for one in sides if not one.complete),
    ]
    found: dict[Task, list[Scores]] = {}
    for task, metric in sides[0].metrics.items():
        found[task], missing = common_scores([[one] for one in sides], task, metric)
        if missing:
            remarks.append(
                f"left out, because not every run has an answer: "
                f"{many(missing, f'{task.suite} question')} ({MODES[task.mode]})"
            )
    remarks += _unlike(sides)
    compared = rows([one.name for one in sides], found, sides[0].settings.seed)
    return Comparison(tuple(sides), tuple(compared), _sentence(sides, compared), tuple(remarks))


def _unlike(sides: Sequence[Side]) -> list[str]:
    first = sides[0].settings.flat()
    remarks = []
    for other in sides[1:]:
        flat = other.settings.flat()
        named = [f"{k} {first[k]} → {flat[k]}" for k in EVALUATED_ALIKE if first[k] != flat[k]]
        if named:
            remarks.append(f"{other.name} was evaluated otherwise: {'; '.join(named)}")
    return remarks


def _sentence(sides: Sequence[Side], found: Sequence[Row]) -> str:
    """A sentence on the first task that was compared: the domain questions with the book closed, if
    there are any."""
    task = next(iter(found[0].scores), None)
    if task is None:
        return NOTHING_COMMON
    first, metric = sides[0].called, found[0].metrics[task]
    where = f"closed-book {metric}" if task.mode == "closed" else metric
    remarks = []
    for one, row in zip(sides[1:], found[1:], strict=True):
        above, name = row.above[task], one.called
        size = format_difference(above, " points")
        if above.shown:
            remarks.append(f"{name} is {above.direction} than {first} in {where}: {size}")
        else:
            remarks.append(f"{name} and {first} in {where}: {NO_DIFFERENCE} ({size})")
    return "; ".join(remarks) + f"; {task.suite} questions, n = {found[0].scores[task].n:,}."
