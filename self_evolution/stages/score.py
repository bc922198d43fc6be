"""The stage `score` computes the IFD score of each pair that was kept
(`self_evolution.models.ifd`)."""

from __future__ import annotations

from self_evolution.models.ifd import Template, measure
from self_evolution.records import Score
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome

PAIRS_A_COMMIT = 256


def score(run: Run, generation: int) -> Outcome:
    settings = run.config.score
    known = run.ledger.pairs
    queue = run.ledger.queue(known.kept_lengths(generation), known.scored(generation))
    if queue.done < queue.total:
        template = Template(run.engine, run.prompts, settings.template)
    for ids, _ in run.batches("score", generation, "pairs", queue, PAIRS_A_COMMIT):
        pairs = [(pair.prompt, pair.answer) for pair in known.get(ids)]
        run.use(run.start(generation).parent)
        measures = measure(run.engine, template, pairs, settings, settings.scorer)
        run.ledger.add(
            Score(id, settings.scorer, *found) for id, found in zip(ids, measures, strict=True)
        )
    odd = [
        f"{n} {outcome}"
        for g, outcome, n in known.outcomes()
        if g == generation and outcome != "scored"
    ]
    return Outcome(queue.total, f"without a rank: {', '.join(odd)}" if odd else "")
