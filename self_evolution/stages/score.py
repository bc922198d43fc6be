"""The stage `score` computes the IFD score of each pair that was kept
(`self_evolution.models.ifd`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from self_evolution import records
from self_evolution.config import Score
from self_evolution.models import Engine
from self_evolution.models.ifd import Measure, Template, measure, read_template
from self_evolution.models.jobs import Job
from self_evolution.prompts import Prompts
from self_evolution.records import Message
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome

PAIRS_A_COMMIT = 256


def score(run: Run, generation: int) -> Outcome:
    """Compute the IFD scores of all kept pairs of the generation that have none yet."""
    settings = run.config.score
    known = run.ledger.pairs
    queue = run.ledger.queue(known.kept_lengths(generation), known.scored(generation))
    texts = read_template(settings.template)

    def prepare(ids: list[str], _: list[int]) -> tuple[list[str], Job[list[Measure]]]:
        pairs = [(pair.prompt, pair.answer) for pair in known.get(ids)]
        return ids, partial(_measures, run.prompts, texts, pairs, settings)

    batches = run.batches("score", generation, "pairs", queue, PAIRS_A_COMMIT)
    work = partial(run.work, generation=run.start(generation).parent)
    for ids, measures in batches.results(prepare, work):
        run.ledger.add(
            records.Score(id, settings.scorer, *found)
            for id, found in zip(ids, measures, strict=True)
        )
    odd = [
        f"{n} {outcome}"
        for g, outcome, n in known.outcomes()
        if g == generation and outcome != "scored"
    ]
    return Outcome(queue.total, f"without a rank: {', '.join(odd)}" if odd else "")


def _measures(
    prompts: Prompts,
    texts: Mapping[str, str] | None,
    pairs: Sequence[tuple[Sequence[Message], str]],
    settings: Score,
    engine: Engine,
) -> list[Measure]:
    template = Template(engine, prompts, texts)
    return measure(engine, template, pairs, settings, settings.scorer)
