"""Ask: the model writes questions about each fragment. It sees the questions that it has already
asked.

The user's own pairs (`ask.pairs`) come in here too, and so does waiting feedback on answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from self_evolution.evaluation.corrections import take_in as corrections
from self_evolution.models import Reply, SamplingParams
from self_evolution.prompts import Prompts
from self_evolution.records import Fragment, Question, content_id, seed_of
from self_evolution.run import Run
from self_evolution.run.author import Author, Task, Write
from self_evolution.run.outcome import Outcome
from self_evolution.run.trusted import describe, take_in


class Asked(NamedTuple):
    """A question about a fragment: its number, from 0 on, and its text."""

    fragment_id: str
    sample: int
    reply: Reply


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

    def prepare(ids: list[str], seeds: list[int]) -> tuple[None, Task[list[Asked]]]:
        # An earlier version stored the questions in rounds, so some may be there already.
        there = [run.ledger.pairs.questions_of(generation, id) for id in ids]
        about = list(zip(run.ledger.fragments.get(ids), there, seeds, strict=True))
        return None, partial(_questions, run.prompts, about, params, settings.per_fragment)

    batches = run.batches("ask", generation, "fragments", queue, size)
    for _, asked in batches.results(prepare, author.work):
        rows = [
            Question(
                content_id("question", generation, id, sample, reply.text),
                generation,
                id,
                sample,
                reply.text,
                reply.finish_reason,
            )
            for id, sample, reply in asked
        ]
        run.ledger.add([*rows, *author.signed(row.id for row in rows)])
    notes = filter(None, (describe(run, generation), corrections.describe(run, generation)))
    return Outcome(queue.total * settings.per_fragment, "; ".join(notes))


def _questions(
    prompts: Prompts,
    about: Sequence[tuple[Fragment, list[str], int]],
    params: SamplingParams,
    per_fragment: int,
    write: Write,
) -> list[Asked]:
    """Ask about fragments, each with the questions that are there already and a seed."""
    said = [list(there) for _, there, _ in about]
    asked: list[Asked] = []
    for sample in range(per_fragment):
        missing = [i for i, there in enumerate(said) if len(there) == sample]
        replies = write(
            [prompts.ask(about[i][0], said[i]) for i in missing],
            params,
            [seed_of(about[i][2], sample) for i in missing],
        )
        for i, reply in zip(missing, replies, strict=True):
            said[i].append(reply.text)
            asked.append(Asked(about[i][0].id, sample, reply))
    return asked
