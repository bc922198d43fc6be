"""Whether a generation now answers what was corrected right, in its own words and in others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from self_evolution.evaluation.corrections.judging import is_right
from self_evolution.evaluation.prompts import closed_prompt, fits, sampling
from self_evolution.ledger import Ledger
from self_evolution.models import Reply
from self_evolution.models.jobs import Job, generated
from self_evolution.records import RecheckAnswer
from self_evolution.run import Run


@dataclass(frozen=True, slots=True)
class Learnt:
    """Questions of corrections that a generation answered right, of those that it was asked.

    `right` of `asked` are in the words of the person, `held_right` of `held` in other words.
    """

    right: int
    asked: int
    held_right: int
    held: int


def recheck(run: Run, generation: int) -> str:
    """Ask what was corrected; a note for people on what the generation has learnt.

    It is put to the generation, to the one that it continues, and to the leader, against which the
    generation is decided. The note is empty if nothing was corrected. Raises Stopped if asked to.
    """
    rows = run.ledger.corrections.rechecks()
    if not rows or generation < 1:
        return ""
    parent = run.start(generation).parent
    for number in sorted({parent, run.ledger.evaluations.leader(), generation}):
        _ask(run, number)
    before, after = (learnt(run.ledger, number) for number in (parent, generation))
    return f"corrected questions right: {format_learnt(after)}, before {format_learnt(before)}"


def learnt(ledger: Ledger, generation: int, beside: int | None = None) -> Learnt:
    """What a generation has learnt of the corrections that count now.

    With `beside`, only questions count that this other generation was asked too.
    """
    answers = ledger.corrections.rechecked(generation)
    others = answers if beside is None else ledger.corrections.rechecked(beside)
    asked = answers.keys() & others.keys()
    rows = [row for row in ledger.corrections.rechecks() if row.id in asked]

    def count(held: bool) -> tuple[int, int]:
        some = [answers[row.id].correct for row in rows if row.held == held]
        return sum(some), len(some)

    return Learnt(*count(False), *count(True))


def format_learnt(found: Learnt) -> str:
    """`9 of 10, in other words 17 of 20`."""
    text = f"{found.right:,} of {found.asked:,}"
    return f"{text}, in other words {found.held_right:,} of {found.held:,}" if found.held else text


def _ask(run: Run, generation: int) -> None:
    """Put the questions that the generation was not asked yet, with the book closed."""
    there = run.ledger.corrections.rechecked(generation)
    corrections = {one.id: one for one in run.ledger.corrections.live()}
    rows = {row.id: row for row in run.ledger.corrections.rechecks()}
    tasks = [(row.id, len(row.question)) for row in rows.values()]
    batches = run.batches(
        "evaluate",
        generation,
        "answers",
        run.ledger.queue(tasks, there),
        run.config.model.batch_size,
        "corrections",
    )

    def prepare(
        ids: list[str], seeds: list[int]
    ) -> tuple[tuple[list[str], list[str]], Job[list[Reply]]]:
        prompts = {id: closed_prompt(run, rows[id].question).messages for id in ids}
        put = {id: one for id, one in prompts.items() if fits(run, run.engine, one)}
        mine = [seed for id, seed in zip(ids, seeds, strict=True) if id in put]
        params = sampling(run.config.evaluate)
        return (ids, list(put)), partial(generated, list(put.values()), params, mine, "current")

    work = partial(run.work, generation=generation)
    for (ids, put), replies in batches.results(prepare, work):
        texts = dict(zip(put, (reply.text for reply in replies), strict=True))
        run.ledger.add(
            RecheckAnswer(
                generation,
                id,
                text := texts.get(id, ""),
                bool(text) and is_right(corrections[rows[id].correction_id], text),
            )
            for id in ids
        )
