"""Building the rehearsal: conversations are made once and kept in the ledger; one that is not used
has its reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.pair_checks import key
from self_evolution.evaluation.rehearsal.make import MAKERS, Made, obstacle, questions_a_task
from self_evolution.evaluation.rehearsal.use import leaks, pairs
from self_evolution.models.jobs import Job
from self_evolution.records import Conversation, content_id
from self_evolution.run import Run

ROUNDS = 4
"""The most rounds in which conversations are made, because some of each round are not taken."""


def build(run: Run, origin: str) -> None:
    """Make conversations of that origin until there are enough, or the rounds are over."""
    wanted = run.config.rehearse.counts()[origin]
    if not wanted or obstacle(run, origin):
        return
    contamination = ContaminationCheck(run.ledger.items.all())
    first, missing, per_task = 0, wanted, _per_task(run, origin)
    for turn in range(ROUNDS):
        tasks = {f"{origin} {n}": n for n in range(first, first + -(-missing // per_task))}
        batches = run.batches(
            "rehearse",
            0,
            "tasks",
            run.ledger.queue(
                tasks.items(),
                (f"{origin} {one.position}" for one in run.ledger.training.conversations(origin)),
            ),
            run.config.model.batch_size,
            f"rehearse {origin} {turn + 1} of {ROUNDS}",
        )
        prepare = partial(_prepare, run, origin, tasks)
        for numbers, found in batches.results(prepare, partial(run.work, generation=0)):
            made = zip(numbers, found, strict=True)
            run.ledger.add(list(_rows(run, origin, contamination, made)))
        first += len(tasks)
        rows = run.ledger.training.conversations(origin)
        # As it was when this round ended, also where the next one has begun already.
        kept = sum(row.reason is None for row in rows if row.position < first)
        missing = max(0, wanted - kept)


def _prepare(
    run: Run, origin: str, tasks: Mapping[str, int], ids: list[str], seeds: list[int]
) -> tuple[list[int], Job[list[list[Made]]]]:
    numbers = [tasks[id] for id in ids]
    return numbers, MAKERS[origin](run, numbers, seeds)


def _per_task(run: Run, origin: str) -> int:
    """The number of conversations that one task gives."""
    asked = questions_a_task(run.config)
    return {"topics": asked, "template": 1, "fragments": asked + 1}[origin]


def _rows(
    run: Run,
    origin: str,
    contamination: ContaminationCheck,
    tasks: Iterable[tuple[int, list[Made]]],
) -> Iterator[Conversation]:
    seen = {_key(row) for row in run.ledger.training.rehearsal()}
    # The likelihood would teach that a reply ends where it was cut. The KL divergence does not: at
    # each token, the last one too, the tuned model is held to what the base would write.
    whole = run.config.train.rehearsal_loss == "nll"
    numbered = ((number, *one) for number, several in tasks for one in enumerate(several))
    for number, place, made in numbered:
        row = Conversation(
            content_id("conversation", origin, number, place, made.messages),
            tuple(made.messages),
            origin,
            number,
            made.question,
            made.topic,
            made.fragment.id if made.fragment else None,
        )
        reason = None
        if not all(reply.text for reply in made.replies):
            reason = "empty"
        elif whole and any(reply.finish_reason == "length" for reply in made.replies):
            reason = "truncated"
        elif leaks(row, contamination, made.fragment.text if made.fragment else ""):
            reason = "in_evaluation"
        elif _key(row) in seen:
            reason = "duplicate"
        else:
            seen.add(_key(row))
        yield replace(row, reason=reason)


def _key(row: Conversation) -> bytes:
    """A key of all questions of a conversation; two conversations must not share it."""
    return key("\n".join(question for question, _ in pairs(row)), "")
