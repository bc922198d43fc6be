"""Select: choose a generation's training set from its own pairs, earlier ones, and rehearsal."""

from __future__ import annotations

import random

from self_evolution.errors import UserError
from self_evolution.evaluation.rehearsal.use import usable
from self_evolution.models.ifd import TRAINABLE
from self_evolution.records import Selection
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome
from self_evolution.schedule import stage_seed
from self_evolution.strategies import STRATEGIES, ScoredPair


def select(run: Run, generation: int) -> Outcome:
    """Raises UserError if there is nothing to train on."""
    if there := run.ledger.training.selection(generation):
        return Outcome(len(there))
    settings = run.config.select
    new = run.ledger.training.trainable(generation, TRAINABLE)
    pool = [ScoredPair(*row) for row in run.ledger.training.history(before=generation)]
    seed = stage_seed(run.config, "select", generation)
    strategy = STRATEGIES[settings.strategy]
    replay = strategy.choose(pool, settings.k, seed)
    if not new and not replay:
        reasons = [
            f"{n} {reason}" for g, reason, n in run.ledger.pairs.reasons() if g == generation
        ]
        raise UserError(
            f"generation {generation}: no pair to train on ({', '.join(reasons) or 'none asked'}); "
            "look at them with `self-evolution export`, then start a new run with looser --check.*"
        )
    rehearsal = _rehearsal(run, generation, len(new) + len(replay), seed)
    rows: list[tuple[str, str | None, str | None]] = [("new", id, None) for id in new]
    rows += [("replay", id, None) for id in replay]
    rows += [("rehearsal", None, id) for id in rehearsal]
    run.ledger.add(
        Selection(generation, position, source, answer, conversation)
        for position, (source, answer, conversation) in enumerate(rows)
    )
    note = f"{len(new):,} new + {len(replay):,} replayed ({settings.strategy})"
    if strategy.uses_k and 0 < len(pool) < settings.k:
        note += f", which is all there are: k is {settings.k:,}"
    if rehearsal:
        note += f" + {len(rehearsal):,} rehearsed"
    if not new:
        note += "; no new pair passed the check"
    return Outcome(len(rows), note)


def _rehearsal(run: Run, generation: int, pairs: int, seed: int) -> list[str]:
    """Draw the conversations that make up `train.rehearsal` of the set, or more after a rollback.

    They are drawn without repetition.
    """
    share = run.start(generation).rehearsal
    if not share:
        return []
    there = [row.id for row in usable(run)]
    if not there:
        raise UserError(
            f"--train.rehearsal {share} needs conversations: give --train.rehearsal-file"
        )
    wanted = round(pairs * share / (1 - share))
    return sorted(random.Random(seed).sample(there, min(wanted, len(there))))
