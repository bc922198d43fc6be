"""The stages, one file each: `run, generation -> Outcome`.

Each asks the ledger what is missing, works in batches, and commits each batch in one transaction.
From that follow resume, progress and status; `perform` marks a stage done, last of all.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from self_evolution.config import Config
from self_evolution.errors import Stopped, UserError
from self_evolution.ledger import Ledger, StageRow
from self_evolution.run import Run
from self_evolution.stages import (
    answer,
    ask,
    check,
    evaluate,
    examine,
    promote,
    read,
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
    "promote": promote.promote,
}
"""Once a generation, in order. Generation 0 is the base: it is only evaluated and promoted."""

STAGES = PREPARATION | ROUND


def plan(generations: int) -> list[tuple[int, str]]:
    """Every (generation, stage) of a run of that many generations, in order."""
    base = [(0, name) for name in (*PREPARATION, "evaluate", "promote")]
    return base + [(g, name) for g in range(1, generations + 1) for name in ROUND]


def out_of_patience(config: Config, ledger: Ledger) -> bool:
    """Whether a run ends early: so many generations in a row were not promoted."""
    last = max((row.generation for row in ledger.promotions()), default=0)
    spent = 0 < config.promote.patience <= last - ledger.leader()
    return spent and last < config.generations


def left(config: Config, ledger: Ledger) -> list[tuple[int, str]]:
    """What a run has still to do, in order: no further generation once its patience is spent."""
    steps = [step for step in plan(config.generations) if not ledger.stage_done(*step)]
    return [step for step in steps if not step[0]] if out_of_patience(config, ledger) else steps


def perform(run: Run, generation: int, name: str) -> bool:
    """Do what is left of a stage; False if it was done before. Time and note go to the ledger."""
    if run.ledger.stage_done(generation, name):
        return False
    run.heed_stop()
    steps = plan(max(generation, 1))
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
