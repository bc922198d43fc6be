"""Recite: the current model answers earlier pairs with the book closed, to show what it misses."""

from __future__ import annotations

from functools import partial

from self_evolution.evaluation.metrics import METRICS
from self_evolution.models import Reply, SamplingParams
from self_evolution.models.jobs import Job, generated
from self_evolution.records import Pair, Recitation
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome
from self_evolution.schedule import stage_seed
from self_evolution.strategies import STRATEGIES, ScoredPair


def recite(run: Run, generation: int) -> Outcome:
    """Ask about at most `select.recite` pairs, which are drawn anew in each generation.

    A pair whose conversation leaves no room for an answer in the model's window is not asked.
    """
    pool = (ScoredPair(*row) for row in run.ledger.training.history(before=generation))
    seed = stage_seed(run.config, "recite", generation)
    drawn = STRATEGIES["random"].choose(pool, run.config.select.recite, seed)
    params = SamplingParams(0.0, 1.0, run.config.answer.max_tokens)
    pairs = {
        pair.answer_id: pair
        for pair in run.ledger.pairs.get(drawn)
        if run.engine.fits(run.prompts.chat(pair.prompt), params.max_tokens)
    }
    batches = run.batches(
        "recite",
        generation,
        "answers",
        run.ledger.queue(
            ((id, len(pair.question)) for id, pair in pairs.items()),
            run.ledger.training.recited(generation),
        ),
        run.config.model.batch_size,
    )

    def prepare(ids: list[str], seeds: list[int]) -> tuple[list[str], Job[list[Reply]]]:
        prompts = [run.prompts.chat(pairs[id].prompt) for id in ids]
        return ids, partial(generated, prompts, params, seeds, "current")

    work = partial(run.work, generation=run.start(generation).parent)
    for ids, replies in batches.results(prepare, work):
        run.ledger.add(
            Recitation(id, generation, reply.text, _score(pairs[id], reply.text))
            for id, reply in zip(ids, replies, strict=True)
        )
    scores = list(run.ledger.training.recited(generation).values())
    mean = sum(scores) / len(scores) if scores else 0.0
    return Outcome(len(scores), f"{mean:.1f}% of earlier pairs known" if scores else "")


def _score(pair: Pair, text: str) -> float:
    """Score a recitation in percent: by the values of the pair's answer, or by its words if it has
    no value."""
    found = METRICS["exact-match"].score(text, pair.answer, question=pair.question, values=None)
    if found is None:
        found = METRICS["token-f1"].score(text, pair.answer, question=pair.question, values=None)
    return found or 0.0
