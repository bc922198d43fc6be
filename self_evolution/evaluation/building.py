"""Building test questions: candidates are made until enough of them are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from self_evolution.config import Config
from self_evolution.ledger import Ledger
from self_evolution.models import Reply, SamplingParams
from self_evolution.records import Candidate, Message, seed_of
from self_evolution.run import Run
from self_evolution.run.author import Author, Task, Write
from self_evolution.run.outcome import describe_kept

TEMPERATURE = 0.7
"""The temperature of answers that must agree. At 0 they would always agree."""


class Written(NamedTuple):
    """A question on each subject of a batch, and the answers to it."""

    questions: list[Reply]
    answers: list[list[Reply]]


Prepare = Callable[[Sequence[str], Sequence[int]], Task[Written]]
"""A function of the subjects of a batch and a seed for each; the author does the task it gives."""

Judge = Callable[[Sequence[str], Written, Mapping[str, int]], Iterable[Candidate]]
"""A function of the subjects, what was written, and {subject: its position}; it gives one candidate
for each subject."""


def builds(settings: Config) -> bool:
    """Whether this run builds test questions."""
    choice = settings.evaluate.build
    return choice == "always" or (choice == "auto" and not settings.evaluate.file)


def to_come(settings: Config, ledger: Ledger) -> bool:
    """Whether test questions will be built, and are not there yet."""
    return builds(settings) and not ledger.stage_done(0, "build")


def limited(run: Run, wanted: int) -> int:
    """The number of questions to build: `wanted`, or fewer if `evaluate.limit` is lower."""
    return min(wanted, run.config.evaluate.limit or wanted)


def taken(ledger: Ledger, kind: str) -> list[Candidate]:
    """The candidates that are in the test set, or will be."""
    return [row for row in ledger.items.candidates(kind) if row.reason is None]


def build(
    run: Run,
    author: Author,
    kind: str,
    rounds: Sequence[Sequence[str]],
    wanted: int,
    label: str,
    prepare: Prepare,
    judge: Judge,
    again: bool = False,
) -> None:
    """Make candidates until `wanted` are taken, or all rounds are over.

    A round is a list of subjects to ask about: fragments or topics. In later rounds, a subject of
    which a question is taken is asked about only if `again`. Seeds are made of `label`, and people
    see `kind`.
    """
    first = 0
    for turn, subjects in enumerate(rounds, 1):
        there = run.ledger.items.candidates(kind)
        kept = sum(row.reason is None for row in there)
        if kept >= wanted:
            return
        before = [row for row in there if row.position < first and row.reason is None]
        passed = set() if again else {_subject(row) for row in before}
        places = {one: first + i for i, one in enumerate(subjects) if one not in passed}
        batches = run.batches(
            "build",
            0,
            "questions",
            run.ledger.queue(
                places.items(), (_subject(row) for row in there if row.position >= first)
            ),
            run.config.model.batch_size,
            f"{label} {turn} of {len(rounds)}",
            f"build {kind} {turn} of {len(rounds)}",
        )
        found = batches.results(lambda some, seeds: (some, prepare(some, seeds)), author.work)
        for some, written in found:
            rows = list(_filled(judge(some, written, places), wanted - kept))
            run.ledger.add([*rows, *author.signed(row.id for row in rows)])
            kept += sum(row.reason is None for row in rows)
            if kept >= wanted:
                return
        first += len(subjects)


def describe(ledger: Ledger, kind: str, name: str) -> str:
    """Describe how many of all candidates were taken, and why the others were not."""
    found = {reason: n for one, reason, n in ledger.items.candidate_reasons() if one == kind}
    return f"{name}: {describe_kept(found, 'questions taken')}"


def samples(
    write: Write,
    prompts: Sequence[Sequence[Message]],
    params: SamplingParams,
    seeds: Sequence[int],
    times: int,
) -> list[list[Reply]]:
    """`times` independent replies to each prompt."""
    asked = [prompt for prompt in prompts for _ in range(times)]
    mine = [seed_of(seed, "sample", sample) for seed in seeds for sample in range(times)]
    replies = write(asked, params, mine)
    return [replies[i : i + times] for i in range(0, len(replies), times)]


def _subject(row: Candidate) -> str:
    return row.fragment_id or row.topic or ""


def _filled(rows: Iterable[Candidate], room: int) -> Iterator[Candidate]:
    """Set aside as surplus what the last batch has beyond the wanted number."""
    for row in rows:
        if row.reason is None and room <= 0:
            yield replace(row, reason="surplus", detail="the set was full")
        else:
            room -= row.reason is None
            yield row
