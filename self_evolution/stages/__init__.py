"""The stages, one file each: `run, generation -> Outcome`.

Each asks the ledger what is missing, works in batches, and commits each batch in one transaction.
From that follow resume, progress and status; `perform` marks a stage done, last of all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from self_evolution.config import Config, Evaluate
from self_evolution.errors import Stopped, UserError
from self_evolution.ledger import Ledger, StageRow
from self_evolution.run import Run
from self_evolution.stages import (
    answer,
    ask,
    check,
    evaluate,
    examine,
    judge,
    promote,
    read,
    rivals,
    score,
    select,
    split,
    train,
)
from self_evolution.stages.outcome import Outcome

Stage = Callable[[Run, int], Outcome]

PREPARATION: dict[str, Stage] = {
    "read": read.read,
    "split": split.split,
    "examine": examine.examine,
    "rivals": rivals.rivals,
}
"""Once a run, before generation 0; in order."""

ROUND: dict[str, Stage] = {
    "ask": ask.ask,
    "answer": answer.answer,
    "check": check.check,
    "score": score.score,
    "select": select.select,
    "train": train.train,
    "evaluate": evaluate.evaluate,
    "judge": judge.judge,
    "promote": promote.promote,
}
"""Once a generation, in order. Generation 0 is the base: it is only evaluated and promoted."""

STAGES = PREPARATION | ROUND

UNASKED = {"rivals": "evaluate.against", "judge": "evaluate.judge"}
"""Stages that a run has only if this setting names somebody."""


_ALONE = Evaluate()


def plan(generations: int, settings: Evaluate = _ALONE) -> list[tuple[int, str]]:
    """Every (generation, stage) of a run of that many generations, in order."""
    base = [(0, name) for name in (*PREPARATION, "evaluate", "promote")]
    steps = base + [(g, name) for g in range(1, generations + 1) for name in ROUND]
    return [step for step in steps if has(settings, step[1])]


def has(settings: Evaluate, stage: str) -> bool:
    """Whether a run with these settings has that stage."""
    named = UNASKED.get(stage)
    return named is None or bool(getattr(settings, named.rpartition(".")[2]))


def out_of_patience(config: Config, ledger: Ledger) -> bool:
    """Whether a run ends early: so many generations in a row were not promoted."""
    last = ledger.last()
    spent = 0 < config.promote.patience <= last - ledger.leader()
    return spent and last < config.generations


def rounds(config: Config, ledger: Ledger) -> Iterator[int]:
    """The generations, one after the other, until patience is spent."""
    for generation in range(1, config.generations + 1):
        if generation > ledger.last() and out_of_patience(config, ledger):
            return
        yield generation


def left(config: Config, ledger: Ledger) -> list[tuple[int, str]]:
    """What a run has still to do, in order: no further generation once its patience is spent."""
    last = ledger.last() if out_of_patience(config, ledger) else config.generations
    return [step for step in plan(last, config.evaluate) if not ledger.stage_done(*step)]


def perform(run: Run, generation: int, name: str) -> bool:
    """Do what is left of a stage; False if that is nothing. Time and note go to the ledger."""
    settings = run.config.evaluate
    if not has(settings, name) or run.ledger.stage_done(generation, name):
        return False
    run.heed_stop()
    steps = plan(max(generation, 1), settings)
    before = steps[: steps.index((generation, name))]
    missing = next((step for step in before if not run.ledger.stage_done(*step)), None)
    if missing:
        raise UserError(
            f"{name} of generation {generation} comes after {missing[1]} of generation "
            f"{missing[0]}, which is not done; `self-evolution {missing[1]} {run.folder}`"
        )
    start, cpu = time.perf_counter(), time.process_time()

    def log(outcome: Outcome, done: bool) -> None:
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
        items, note = outcome
        run.ledger.log_stage(StageRow(generation, name, items, seconds, cpu_seconds, done, note))

    try:
        outcome = STAGES[name](run, generation)
    except Stopped:
        log(Outcome(0, ""), False)
        raise
    log(outcome, True)
    if outcome.note:
        run.progress.say(f"{'':<4}{name}: {outcome.note}")
    return True
