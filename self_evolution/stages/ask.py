"""Ask: the model writes questions about each fragment. It sees the questions that it has already
asked.

With `ask.pairs` the user's own questions come in too, together with their answers, and so does the
feedback on answers that waits.
"""

from __future__ import annotations

from self_evolution.evaluation.corrections import take_in as corrections
from self_evolution.models import SamplingParams
from self_evolution.records import Question, content_id
from self_evolution.run import Run
from self_evolution.run.author import Author
from self_evolution.run.outcome import Outcome
from self_evolution.run.trusted import describe, take_in


def ask(run: Run, generation: int) -> Outcome:
    """Ask in `ask.per_fragment` rounds over all fragments; later rounds ask for other questions.

    The user's own pairs, and corrections of answers, are taken in first.
    """
    take_in(run, generation)
    corrections.take_in(run, generation)
    settings = run.config.ask
    params = SamplingParams(settings.temperature, settings.top_p, settings.max_tokens)
    tasks = run.ledger.fragments.for_training()
    author = Author(run, run.start(generation).parent, settings.asker)
    for sample in range(settings.per_fragment):
        done = run.ledger.pairs.asked(generation, sample)
        label = f"ask {sample + 1} of {settings.per_fragment}"
        batches = run.batches(
            "ask", generation, "questions", tasks, done, run.config.model.batch_size, label
        )
        for ids, seed in batches:
            fragments = run.ledger.fragments.get(ids)
            prompts = [
                run.prompts.ask(
                    fragment, run.ledger.pairs.questions_of(generation, fragment.id)[:sample]
                )
                for fragment in fragments
            ]
            replies = author.generate(prompts, params, seed)
            questions = [
                Question(
                    content_id("question", generation, fragment.id, sample, reply.text),
                    generation,
                    fragment.id,
                    sample,
                    reply.text,
                    reply.finish_reason,
                )
                for fragment, reply in zip(fragments, replies, strict=True)
            ]
            run.ledger.add([*questions, *author.signed(row.id for row in questions)])
    notes = filter(None, (describe(run, generation), corrections.describe(run, generation)))
    return Outcome(len(tasks) * settings.per_fragment, "; ".join(notes))
