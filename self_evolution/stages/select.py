"""Select: choose a generation's training set from its own pairs, earlier ones, rewrites of
fragments, and rehearsal."""

from __future__ import annotations

import random

from self_evolution.errors import UserError
from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.rehearsal.use import usable
from self_evolution.evaluation.rewrite_checks import leak
from self_evolution.models.ifd import TRAINABLE
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome
from self_evolution.schedule import stage_seed
from self_evolution.strategies import STRATEGIES, ScoredPair
from self_evolution.text.counts import many

EXAMPLES, SHARE = 8, 0.5
"""EXAMPLES: how often a correction stands in the first training set after it came in. SHARE: at
most this share of the pairs of that set are corrections."""


def select(run: Run, generation: int) -> Outcome:
    """Choose the training set of the generation. Raises UserError if there is nothing to train
    on."""
    if there := run.ledger.training.selected(generation):
        return Outcome(there)
    with run.ledger.transaction():  # the whole set, or nothing of it
        return _select(run, generation)


def _select(run: Run, generation: int) -> Outcome:
    settings, training = run.config.select, run.ledger.training
    strategy = STRATEGIES[settings.strategy]
    taught = dict.fromkeys(one.answer_id for one in run.ledger.corrections.taught())
    corrected = training.select(generation, "new", taught)
    trainable = training.trainable(generation, TRAINABLE)
    new = training.select(generation, "new", (id for id in trainable if id not in taught))
    known = training.recited(generation)
    pool = (
        ScoredPair(id, ifd, known.get(id))
        for id, ifd in training.history(before=generation)
        if id not in taught
    )
    seed = stage_seed(run.config, "select", generation)
    replay = strategy.choose(pool, settings.k, seed)
    if not new and not replay and not corrected:
        reasons = [
            f"{n} {reason}" for g, reason, n in run.ledger.pairs.reasons() if g == generation
        ]
        raise UserError(
            f"generation {generation}: no pair to train on ({', '.join(reasons) or 'none asked'}); "
            "look at them with `self-evolution dump`, then start a new run with --pairs, "
            "a stronger model that asks and answers, with --teacher, or looser --check.*"
        )
    repeated = corrections(run, generation, new + len(replay))
    again = [id for id, times in repeated.items() for _ in range(times - 1)]
    training.select(generation, "replay", (*again, *replay))
    pairs = corrected + new + len(replay)
    rewrites = training.select(generation, "rewrite", _rewrites(run, pairs, seed))
    drawn = _rehearsal(run, generation, pairs + rewrites, seed)
    rehearsal = training.select(generation, "rehearsal", drawn)
    note = f"{new:,} new + {len(replay):,} replayed ({settings.strategy})"
    if strategy.uses_k and 0 < len(replay) < settings.k:
        note += f", which is all there are: k is {settings.k:,}"
    if corrected:
        note += f" + {corrected:,} from corrections, {many(corrected + len(again), 'time')}"
    if rewrites:
        note += f" + {many(rewrites, 'rewrite')}"
    if rehearsal:
        note += f" + {rehearsal:,} rehearsed"
    if not new and not corrected:
        note += "; no new pair passed the check"
    return Outcome(training.selected(generation), note)


def corrections(run: Run, generation: int, others: int) -> dict[str, int]:
    """{answer id: times that it is trained on} of the pairs that corrections taught.

    Every such pair is in every training set at least once. The model has not been trained yet on
    pairs that came in after its parent. These are repeated, so that each correction has about
    EXAMPLES examples; but together, beside `others` pairs, they are at most SHARE of all pairs.
    """
    taught = run.ledger.corrections.taught()
    parent = run.start(generation).parent
    fresh = {one.answer_id: one.share for one in taught if one.generation > parent}
    most = max(1.0, SHARE / (1 - SHARE) * others / max(1, len(fresh)))
    return {
        one.answer_id: max(1, round(min(most, EXAMPLES * fresh.get(one.answer_id, 0))))
        for one in taught
    }


def _rewrites(run: Run, pairs: int, seed: int) -> list[str]:
    """Draw the rewrites that make up `train.rewrites` of them and the pairs, without repetition.

    Those that contain a test question of the present set, which a review may have changed, are left
    out, and others are drawn in their place.
    """
    share = run.config.train.rewrites
    there = run.ledger.rewrites.live() if run.config.ask.rewrites and share else []
    if not there:
        return []
    wanted, drawn = round(pairs * share / (1 - share)), list[str]()
    chance, contamination = random.Random(seed), ContaminationCheck(run.ledger.items.all())
    while there and len(drawn) < wanted:
        some = set(chance.sample(there, min(len(there), wanted - len(drawn))))
        there = [id for id in there if id not in some]
        rows = run.ledger.rewrites.get(sorted(some))
        ids = list(dict.fromkeys(row.fragment_id for row in rows))
        fragments = {one.id: one for one in run.ledger.fragments.get(ids)}
        drawn += [
            row.id for row in rows if not leak(row, fragments[row.fragment_id], contamination)
        ]
    return sorted(drawn)


def _rehearsal(run: Run, generation: int, examples: int, seed: int) -> list[str]:
    """Draw the conversations that make up `train.rehearsal` of the set, or more after a rollback.

    They are drawn without repetition. `examples` counts all others in the set.
    """
    share = run.start(generation).rehearsal
    if not share:
        return []
    there = [row.id for row in usable(run)]
    if not there:
        raise UserError(
            f"--train.rehearsal {share} needs conversations: give --train.rehearsal-file"
        )
    wanted = round(examples * share / (1 - share))
    return sorted(random.Random(seed).sample(there, min(wanted, len(there))))
