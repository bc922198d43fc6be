"""Ask: the model writes questions about each fragment. It sees the questions that it has already
asked.

The user's own pairs (`ask.pairs`) come in here too, and so does waiting feedback on answers.
"""

from __future__ import annotations

from self_evolution.evaluation.corrections import take_in as corrections
from self_evolution.models import SamplingParams
from self_evolution.records import Question, content_id, seed_of
from self_evolution.run import Run
from self_evolution.run.author import Author
from self_evolution.run.outcome import Outcome
from self_evolution.run.trusted import describe, take_in


def ask(run: Run, generation: int) -> Outcome:
    """Ask `ask.per_fragment` questions about each fragment; for each question, the model sees the
    earlier ones.

    All questions about the fragments of a batch are asked one after the other, so that a model that
    remembers what it has read need not read the fragments again. The user's own pairs, and
    corrections of answers, are taken in first.
    """
    take_in(run, generation)
    corrections.take_in(run, generation)
    settings = run.config.ask
    params = SamplingParams(settings.temperature, settings.top_p, settings.max_tokens)
    author = Author(run, run.start(generation).parent, settings.asker)
    tasks = run.ledger.fragments.for_training() if settings.per_fragment else []
    queue = run.ledger.queue(tasks, run.ledger.pairs.asked(generation, settings.per_fragment - 1))
    size = run.config.model.batch_size
    for ids, seeds in run.batches("ask", generation, "fragments", queue, size):
        seed = dict(zip(ids, seeds, strict=True))
        there = {id: run.ledger.pairs.questions_of(generation, id) for id in ids}
        rows: list[Question] = []
        for sample in range(settings.per_fragment):
            # An earlier version stored the questions in rounds, so some may be there already.
            missing = [id for id in ids if len(there[id]) == sample]
            prompts = [
                run.prompts.ask(fragment, there[fragment.id])
                for fragment in run.ledger.fragments.get(missing)
            ]
            mine = [seed_of(seed[id], sample) for id in missing]
            replies = author.generate(prompts, params, mine)
            for id, reply in zip(missing, replies, strict=True):
                there[id].append(reply.text)
                row = content_id("question", generation, id, sample, reply.text)
                rows.append(Question(row, generation, id, sample, reply.text, reply.finish_reason))
        run.ledger.add([*rows, *author.signed(row.id for row in rows)])
    notes = filter(None, (describe(run, generation), corrections.describe(run, generation)))
    return Outcome(queue.total * settings.per_fragment, "; ".join(notes))
