"""The state of a run: the stages that are done and their cost, and the stages that are left."""

from __future__ import annotations

from dataclasses import dataclass

from self_evolution.config import Config
from self_evolution.evaluation import choice
from self_evolution.evaluation.building import to_come
from self_evolution.ledger import Ledger, StageRow
from self_evolution.schedule import STAGES, left, out_of_patience, plan


@dataclass(frozen=True, slots=True)
class State:
    """`left` are the steps (generation, stage) still to do, of all `steps`. `stopped`: the run ends
    early, because too many generations in a row were not promoted. `read`: the documents have been
    read. `to_come`: test questions will be built. `questions` is the number of domain questions,
    `choosing` of those that only choose the leader.
    `decided`: at least one promotion has been decided.
    """

    steps: int
    left: tuple[tuple[int, str], ...]
    stopped: bool
    read: bool
    to_come: bool
    questions: int
    choosing: int
    decided: bool


@dataclass(frozen=True, slots=True)
class Stages:
    """Time and items of each stage, by name and generation; idle stages are left out."""

    rows: dict[tuple[str, int], StageRow]

    @property
    def names(self) -> list[str]:
        return [name for name in STAGES if any(name == one for one, _ in self.rows)]

    @property
    def generations(self) -> list[int]:
        return sorted({generation for _, generation in self.rows})


def state(config: Config, ledger: Ledger) -> State:
    return State(
        len(plan(config.generations, config)),
        tuple(left(config, ledger)),
        out_of_patience(config, ledger),
        ledger.stage_done(0, "read"),
        to_come(config, ledger),
        len(ledger.items.of_suite("domain")),
        len(ledger.items.of_suite(choice.SUITE)),
        bool(ledger.evaluations.promotions()),
    )


def stages(ledger: Ledger) -> Stages:
    rows = ledger.stages()
    telling = {row.name for row in rows if row.items or row.note or not row.done}
    return Stages({(row.name, row.generation): row for row in rows if row.name in telling})
