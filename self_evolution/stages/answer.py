"""Answer: the model answers each question with its fragment in the prompt (open book)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from self_evolution.models import Reply, SamplingParams
from self_evolution.records import Answer, Message, content_id
from self_evolution.run import Run
from self_evolution.run.author import Author, Task, Write
from self_evolution.run.outcome import Outcome


def answer(run: Run, generation: int) -> Outcome:
    """Answer all questions of the generation that have no answer yet."""
    settings = run.config.answer
    params = SamplingParams(settings.temperature, settings.top_p, settings.max_tokens)
    known = run.ledger.pairs
    queue = run.ledger.queue(known.questions(generation), known.answered(generation))
    author = Author(run, run.start(generation).parent, settings.answerer)
    size = run.config.model.batch_size

    def prepare(ids: list[str], seeds: list[int]) -> tuple[list[str], Task[list[Reply]]]:
        prompts = [
            run.prompts.answer(fragment.heading, fragment.askable, question.text, fragment.language)
            for question, fragment in known.questions_with_fragments(ids)
        ]
        return ids, partial(_answers, prompts, params, seeds)

    batches = run.batches("answer", generation, "answers", queue, size)
    for ids, replies in batches.results(prepare, author.work):
        answers = [
            Answer(content_id("answer", id, reply.text), id, reply.text, reply.finish_reason)
            for id, reply in zip(ids, replies, strict=True)
        ]
        run.ledger.add([*answers, *author.signed(row.id for row in answers)])
    return Outcome(queue.total)


def _answers(
    prompts: Sequence[Sequence[Message]], params: SamplingParams, seeds: list[int], write: Write
) -> list[Reply]:
    return write(prompts, params, seeds)
