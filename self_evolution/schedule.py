"""The stages of a run: their names, their order, and those that are left to do.

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
    """A stage. The function `name` of the module `self_evolution.stages.NAME` does it.

    `when`: once a run, before generation 0 (`run`), or in each generation (`generation`). `setting`
    is the flat key of a setting. If `wanted` returns false for the value of this setting, the run
    does not have the stage. If a stage is renamed, its first name must be its `seed_key`: seeds are
    made from it, so that equal runs stay equal.
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
        Stage("read", "run", "turn files into sections; with -o, write fragments to a file"),
        Stage("split", "run", "turn sections into fragments"),
        Stage("build", "run", "build test questions, and lock them", seed_key="examine"),
        Stage("rehearse", "run", "let the base write conversations to rehearse", "train.rehearsal"),
        Stage("rivals", "run", "let other models answer the test questions", "evaluate.against"),
        Stage("ask", "generation", "write questions about each fragment"),
        Stage("answer", "generation", "answer the questions with the fragment in the prompt"),
        Stage("rewrite", "generation", "write fragments in other words", "ask.rewrites"),
        Stage("check", "generation", "keep pairs, or reject them with a reason"),
        Stage("score", "generation", "compute the IFD score of pairs, in a run or a JSONL file"),
        Stage(
            "recite",
            "generation",
            "find out which earlier pairs the model knows by heart",
            "select.strategy",
            wanted=lambda name: STRATEGIES[name].asks,
        ),
        Stage("select", "generation", "choose pairs to train on, in a run or a JSONL file"),
        Stage("train", "generation", "train the adapter with the book closed"),
        Stage("evaluate", "generation", "answer the test questions, and score the answers"),
        Stage("judge", "generation", "let a judge say which answer is better", "evaluate.judge"),
        Stage("promote", "generation", "decide whether the generation becomes the leader"),
    )
}
"""All stages, in order. docs/how-to-add.md explains how to add one."""

_OF_THE_BASE = ("evaluate", "promote")


def stage_seed(config: Config, stage: str, *parts: Any) -> int:
    """Return a seed in [0, 2**31) for a stage; it depends only on `config.seed`, the stage and
    `parts`."""
    return seed_of(config.seed, STAGES[stage].seed_key or stage, *parts)


def plan(generations: int, config: Config | None = None) -> list[tuple[int, str]]:
    """Return every step of a run of that many generations, in order; `config` is by default the
    recipe `default`."""
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
