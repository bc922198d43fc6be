"""Ask: the model writes questions about each fragment, each one knowing those before it.

With `ask.pairs` the user's own questions come in too, together with their answers.
"""

from __future__ import annotations

from self_evolution.models import SamplingParams
from self_evolution.records import Question, content_id
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome
from self_evolution.run.trusted import describe, take_in


def ask(run: Run, generation: int) -> Outcome:
    """Ask in `ask.per_fragment` rounds over all fragments; later rounds ask for other questions.

    The user's own pairs are taken in first.
    """
    take_in(run, generation)
    settings = run.config.ask
    params = SamplingParams(settings.temperature, settings.top_p, settings.max_tokens)
    tasks = run.ledger.fragments.for_training()
    for sample in range(settings.per_fragment):
        done = run.ledger.pairs.asked(generation, sample)
        label = f"ask {sample + 1} of {settings.per_fragment}"
        batches = run.batches(
            "ask", generation, "questions", tasks, done, run.config.model.batch_size, label
        )
        for ids, seeds in batches:
            fragments = run.ledger.fragments.get(ids)
            prompts = [
                run.prompts.ask(
                    fragment, run.ledger.pairs.questions_of(generation, fragment.id)[:sample]
                )
                for fragment in fragments
            ]
            run.use(run.start(generation).parent)
            replies = run.engine.generate(prompts, params, seeds, settings.asker)
            run.ledger.add(
                Question(
                    content_id("question", generation, fragment.id, sample, reply.text),
                    generation,
                    fragment.id,
                    sample,
                    reply.text,
                    reply.finish_reason,
                )
                for fragment, reply in zip(fragments, replies, strict=True)
            )
    return Outcome(len(tasks) * settings.per_fragment, describe(run, generation))
