"""The stages of a run: their names, their order, and the ones that a run has still to do.

A step is (generation, name of the stage). Generation 0 is the base model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from self_evolution import rollback
from self_evolution.config import Config
from self_evolution.ledger import Ledger
from self_evolution.records import seed_of
from self_evolution.strategies import STRATEGIES


class Stage(NamedTuple):
    """A stage, done by the function `name` of the module `self_evolution.stages.NAME`.

    `when`: once a run, before generation 0 (`run`), or in each generation (`generation`). `setting`
    is the flat key of a setting; if `wanted` is false of its value, the run does not have this
    stage. Give a renamed stage its first name as `seed_key`: seeds are made of it, so that equal
    runs stay equal.
    """

    name: str
    when: Literal["run", "generation"]
    help: str
    setting: str = ""
    wanted: Callable[[Any], bool] = bool
    seed_key: str = ""


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage("read", "run", "files into sections; with -o a filter"),
        Stage("split", "run", "sections into fragments"),
        Stage("build", "run", "test questions are built and locked", seed_key="examine"),
        Stage("rehearse", "run", "what the base knows, against forgetting", "train.rehearsal"),
        Stage("rivals", "run", "other models answer the test questions", "evaluate.against"),
        Stage("ask", "generation", "questions about each fragment"),
        Stage("answer", "generation", "answers with the fragment open"),
        Stage("check", "generation", "keep pairs, or reject them with a reason"),
        Stage("score", "generation", "IFD of pairs, of a run or a JSONL file"),
        Stage(
            "recite",
            "generation",
            "which earlier pairs the model knows by heart",
            "select.strategy",
            wanted=lambda name: STRATEGIES[name].asks,
        ),
        Stage("select", "generation", "choose pairs, of a run or a JSONL file"),
        Stage("train", "generation", "LoRA with the book closed"),
        Stage("evaluate", "generation", "predictions and metrics"),
        Stage("judge", "generation", "which of two answers is better", "evaluate.judge"),
        Stage("promote", "generation", "does this generation take the lead"),
    )
}
"""All stages, in order. To add one, add a line here and a module of its name in `stages/`."""

_OF_THE_BASE = ("evaluate", "promote")


def stage_seed(config: Config, stage: str, *parts: Any) -> int:
    """A seed in [0, 2**31) for a stage, which follows from `config.seed` and `parts` alone."""
    return seed_of(config.seed, STAGES[stage].seed_key or stage, *parts)


def plan(generations: int, config: Config | None = None) -> list[tuple[int, str]]:
    """Every step of a run of that many generations, in order. Without settings, the defaults."""
    config = config or Config()
    once = [name for name, stage in STAGES.items() if stage.when == "run"]
    each = [name for name, stage in STAGES.items() if stage.when == "generation"]
    steps = [(0, name) for name in (*once, *_OF_THE_BASE)]
    steps += [(generation, name) for generation in range(1, generations + 1) for name in each]
    return [step for step in steps if has(config, step[1])]


def has(config: Config, stage: str) -> bool:
    """Whether a run with these settings has that stage."""
    setting = STAGES[stage].setting
    return not setting or STAGES[stage].wanted(config.flat()[setting])


def out_of_patience(config: Config, ledger: Ledger) -> bool:
    """Whether a run ends early because too many generations in a row were not promoted."""
    return rollback.out_of_patience(config, ledger.evaluations.leader(), ledger.evaluations.last())


def rounds(config: Config, ledger: Ledger) -> Iterator[int]:
    """Yield the generations one after the other, until patience is spent."""
    for generation in range(1, config.generations + 1):
        if generation > ledger.evaluations.last() and out_of_patience(config, ledger):
            return
        yield generation


def left(config: Config, ledger: Ledger) -> list[tuple[int, str]]:
    """The stages that a run has still to do, in order. Once its patience is spent, no generation
    follows."""
    last = ledger.evaluations.last() if out_of_patience(config, ledger) else config.generations
    return [step for step in plan(last, config) if not ledger.stage_done(*step)]
