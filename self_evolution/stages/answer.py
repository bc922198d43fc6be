"""Answer: the model answers each question with its fragment in the prompt (open book)."""

from __future__ import annotations

from self_evolution.models import SamplingParams
from self_evolution.records import Answer, content_id
from self_evolution.run import Run
from self_evolution.run.author import Author
from self_evolution.run.outcome import Outcome


def answer(run: Run, generation: int) -> Outcome:
    settings = run.config.answer
    params = SamplingParams(settings.temperature, settings.top_p, settings.max_tokens)
    tasks = run.ledger.pairs.questions(generation)
    author = Author(run, run.start(generation).parent, settings.answerer)
    batches = run.batches(
        "answer",
        generation,
        "answers",
        tasks,
        run.ledger.pairs.answered(generation),
        run.config.model.batch_size,
    )
    for ids, seeds in batches:
        asked = run.ledger.pairs.questions_with_fragments(ids)
        prompts = [
            run.prompts.answer(fragment.heading, fragment.askable, question.text, fragment.language)
            for question, fragment in asked
        ]
        replies = author.generate(prompts, params, seeds)
        answers = [
            Answer(content_id("answer", id, reply.text), id, reply.text, reply.finish_reason)
            for id, reply in zip(ids, replies, strict=True)
        ]
        run.ledger.add([*answers, *author.signed(row.id for row in answers)])
    return Outcome(len(tasks))
