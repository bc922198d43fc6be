"""The stages, with one file for each. A stage is a function `(run, generation) -> Outcome`.

Each stage asks the ledger what is missing, and commits what it does; if that is much, in batches
with one transaction each. This is enough for resuming, for progress bars and for `status`. At the
end of a stage, `perform` marks it as done.
"""

from __future__ import annotations

import importlib
import time

from self_evolution import meter
from self_evolution.errors import Stopped, UserError
from self_evolution.ledger import StageRow
from self_evolution.run import Run
from self_evolution.run.at_work import at_work
from self_evolution.run.outcome import Outcome
from self_evolution.run.outlook import describe, outlook
from self_evolution.schedule import has, plan


def perform(run: Run, generation: int, name: str) -> bool:
    """Do what is left of a stage, and store its time and note in the ledger.

    Returns False if nothing was left to do.
    """
    if not has(run.config, name) or run.ledger.stage_done(generation, name):
        return False
    run.raise_if_stopped()
    steps = plan(max(generation, 1), run.config)
    before = steps[: steps.index((generation, name))]
    missing = next((step for step in before if not run.ledger.stage_done(*step)), None)
    if missing:
        raise UserError(
            f"{name} of generation {generation} comes after {missing[1]} of generation "
            f"{missing[0]}, which is not done; `self-evolution {missing[1]} {run.folder}`"
        )
    run.proof.begin(generation, name)
    start, cpu, tokens = time.perf_counter(), meter.cpu_seconds(), meter.tokens()

    def log(outcome: Outcome, done: bool) -> None:
        seconds, cpu_seconds = time.perf_counter() - start, meter.cpu_seconds() - cpu
        items, note = outcome
        told = meter.tokens() - tokens
        run.ledger.log_stage(
            StageRow(
                generation, name, items, seconds, cpu_seconds, done, note, told, meter.memory()
            )
        )

    stage = getattr(importlib.import_module(f"{__name__}.{name}"), name)
    try:
        with (
            at_work(run.ledger, run.progress, generation, name),
            run.progress.work(f"gen {generation} {name}" if generation else name),
        ):
            outcome: Outcome = stage(run, generation)
    except Stopped:
        log(Outcome(0, ""), False)
        raise
    log(outcome, True)
    if outcome.note:
        run.progress.say(f"{'':<4}{name}: {outcome.note}")
    if found := outlook(run.config, run.ledger):
        run.progress.say(f"{'':<4}{describe(found)}")
    return True
