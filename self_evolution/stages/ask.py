"""Ask: the model writes questions about each fragment. It sees the questions that it has already
asked.

The user's own pairs (`ask.pairs`) come in here too, and so does waiting feedback on answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from self_evolution.coverage.requests import additions
from self_evolution.coverage.shares import pairs_before, shares
from self_evolution.evaluation.corrections import take_in as corrections
from self_evolution.models import Reply, SamplingParams
from self_evolution.progress import interruptible
from self_evolution.prompts import Prompts
from self_evolution.records import Fragment, Question, content_id, seed_of
from self_evolution.run import Run
from self_evolution.run.author import Author, Task, Write
from self_evolution.run.outcome import Outcome
from self_evolution.run.trusted import describe, take_in


class Subject(NamedTuple):
    """A fragment to ask about, the questions that are there already, and a seed. There is an
    addition to the request for each question, often an empty one."""

    fragment: Fragment
    there: list[str]
    additions: list[str]
    seed: int


class Asked(NamedTuple):
    """A question about a fragment: its number, from 0 on, and its text."""

    fragment_id: str
    sample: int
    reply: Reply


def ask(run: Run, generation: int) -> Outcome:
    """Ask `ask.per_fragment` questions about each fragment, or as many on average; for each
    question, the model sees the earlier ones.

    All questions about the fragments of a batch are asked one after the other, so that a model that
    remembers what it has read need not read the fragments again. The user's own pairs, and
    corrections of answers, are taken in first.
    """
    take_in(run, generation)
    corrections.take_in(run, generation)
    settings = run.config.ask
    params = SamplingParams(settings.temperature, settings.top_p, settings.max_tokens)
    author = Author(run, run.start(generation).parent, settings.asker)
    with interruptible():  # reading the statements of a million fragments takes half an hour
        shared = shares(run.config, run.ledger, run.prompts, generation)
    numbers = shared.numbers
    tasks = (task for task in run.ledger.fragments.for_training() if task[0] in numbers)
    there = run.ledger.pairs.asked(generation)
    queue = run.ledger.queue(tasks, (id for id, number in there if number >= numbers.get(id, 0)))
    size = run.config.model.batch_size

    def prepare(ids: list[str], seeds: list[int]) -> tuple[None, Task[list[Asked]]]:
        named = settings.spread == "uncovered"
        pairs = pairs_before(run.ledger, ids, generation) if named else {}
        about = [
            Subject(
                one,
                # An earlier version stored the questions in rounds, so some may be there already.
                run.ledger.pairs.questions_of(generation, one.id),
                additions(
                    run.prompts, settings, one, generation, numbers[one.id], pairs.get(one.id, [])
                ),
                seed,
            )
            for one, seed in zip(run.ledger.fragments.get(ids), seeds, strict=True)
        ]
        return None, partial(_questions, run.prompts, about, params)

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
    notes = (describe(run, generation), corrections.describe(run, generation), str(shared))
    return Outcome(sum(numbers.values()), "; ".join(filter(None, notes)))


def _questions(
    prompts: Prompts, about: Sequence[Subject], params: SamplingParams, write: Write
) -> list[Asked]:
    said = [list(one.there) for one in about]
    asked: list[Asked] = []
    for sample in range(max(len(one.additions) for one in about)):
        missing = [
            i
            for i, (one, there) in enumerate(zip(about, said, strict=True))
            if len(there) == sample < len(one.additions)
        ]
        replies = write(
            [prompts.ask(about[i].fragment, said[i], about[i].additions) for i in missing],
            params,
            [seed_of(about[i].seed, sample) for i in missing],
        )
        for i, reply in zip(missing, replies, strict=True):
            said[i].append(reply.text)
            asked.append(Asked(about[i].fragment.id, sample, reply))
    return asked
