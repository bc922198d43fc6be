"""Rehearse: the base makes conversations that are trained on, so that less is forgotten."""

from __future__ import annotations

from self_evolution.errors import UserError
from self_evolution.evaluation.rehearsal.build import build
from self_evolution.evaluation.rehearsal.make import MAKERS, obstacle
from self_evolution.evaluation.rehearsal.use import restated
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome, describe_kept


def rehearse(run: Run, generation: int) -> Outcome:
    """Make the conversations for rehearsal. Raises UserError if none of them can be used and the
    user gives none."""
    for origin in MAKERS:
        build(run, origin)
    reasons = run.ledger.training.conversation_reasons()
    notes = []
    for origin in MAKERS:
        mine = {reason: n for one, reason, n in reasons if one == origin}
        if mine:
            notes.append(f"{origin}: {describe_kept(mine, 'kept')}")
        elif run.config.rehearse.counts()[origin]:
            notes.append(f"{origin}: none, because {obstacle(run, origin)}")
    kept = len(run.ledger.training.rehearsal())
    if not kept:
        raise UserError(
            f"--train.rehearsal {run.config.train.rehearsal:g}: the base made no conversation that "
            f"can be rehearsed ({'; '.join(notes)}); give --train.rehearsal-file, or "
            "--train.rehearsal 0"
        )
    found, total = restated(run)
    if total:
        notes.append(f"{found:,} of {total:,} questions on former abilities occur in other words")
    return Outcome(kept, "; ".join(notes))
