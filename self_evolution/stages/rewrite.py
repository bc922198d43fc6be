"""Rewrite: what fragments say is written in other words, to be trained on beside the pairs.

Each fragment is rewritten once in a run: later generations only rewrite fragments that are new. The
rewrites are checked at once, and kept with the reason if they are not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePath
from typing import NamedTuple

from self_evolution.config import Config
from self_evolution.evaluation.contamination import ContaminationCheck
from self_evolution.evaluation.rewrite_checks import first_objection, repeats
from self_evolution.models import Reply, SamplingParams
from self_evolution.prompts import Prompts
from self_evolution.records import Fragment, Rewrite, content_id, seed_of
from self_evolution.run import Run
from self_evolution.run.author import Author, Task, Write
from self_evolution.run.outcome import Outcome, describe_kept


class Wanted(NamedTuple):
    """Rewrite number `sample` of a fragment, which is of `kind`. `again`: this kind was there
    before."""

    fragment: Fragment
    sample: int
    kind: str
    again: bool
    seed: int


def rewrite(run: Run, generation: int) -> Outcome:
    """Write the rewrites that are missing: `ask.rewrites` of each fragment. The base writes them,
    or the teacher in its place."""
    number = run.config.ask.rewrites
    author = Author(run, 0, "base")
    contamination = ContaminationCheck(run.ledger.items.all())
    queue = run.ledger.queue(
        run.ledger.fragments.for_training(),
        (id for id, there in run.ledger.rewrites.written() if there >= number),
    )

    def prepare(ids: list[str], seeds: list[int]) -> tuple[list[Wanted], Task[list[Reply]]]:
        there = run.ledger.rewrites.of_fragments(ids)
        fragments = zip(run.ledger.fragments.get(ids), seeds, strict=True)
        wanted = [
            one
            for fragment, seed in fragments
            for one in _wanted(run.prompts, fragment, len(there[fragment.id]), number, seed)
        ]
        return wanted, partial(_written, run.prompts, wanted, run.config)

    size = run.config.model.batch_size
    batches = run.batches("rewrite", generation, "fragments", queue, size)
    for wanted, replies in batches.results(prepare, author.work):
        rows = _rows(run, generation, wanted, replies, contamination)
        by_author = [
            row.id
            for row, one in zip(rows, wanted, strict=True)
            if run.prompts.rewrite(one.fragment, one.kind)
        ]
        run.ledger.add([*rows, *author.signed(by_author)])
    reasons: dict[str | None, int] = {}
    for one in run.ledger.rewrites.counts():
        for reason, n in ((None, one.kept), *one.reasons.items()):
            reasons[reason] = reasons.get(reason, 0) + n
    return Outcome(sum(reasons.values()), describe_kept(reasons, "rewrites kept"))


def _wanted(
    prompts: Prompts, fragment: Fragment, first: int, number: int, seed: int
) -> list[Wanted]:
    """The rewrites of a fragment from number `first` on."""
    kinds = prompts.kinds(fragment.language)
    return [
        Wanted(
            fragment,
            sample,
            kinds[sample % len(kinds)],
            sample >= len(kinds),
            seed_of(seed, sample),
        )
        for sample in range(first, number)
    ]


def _written(
    prompts: Prompts, wanted: Sequence[Wanted], settings: Config, write: Write
) -> list[Reply]:
    """The texts in the order of `wanted`. The first of all fragments are written together, then the
    second, so that a model that remembers what it has read need not read a fragment again."""
    ask, answer = settings.ask, settings.answer
    found = [Reply(one.fragment.askable, "stop") for one in wanted]
    for sample in sorted({one.sample for one in wanted}):
        asked = {
            place: prompt
            for place, one in enumerate(wanted)
            if one.sample == sample and (prompt := prompts.rewrite(one.fragment, one.kind))
        }
        for again in (False, True):
            places = [place for place in asked if wanted[place].again == again]
            chosen = (ask.temperature, ask.top_p) if again else (answer.temperature, answer.top_p)
            if places:
                replies = write(
                    [asked[place] for place in places],
                    SamplingParams(*chosen, answer.max_tokens),
                    [wanted[place].seed for place in places],
                )
                for place, reply in zip(places, replies, strict=True):
                    found[place] = reply
    return found


def _rows(
    run: Run,
    generation: int,
    wanted: Sequence[Wanted],
    replies: Sequence[Reply],
    contamination: ContaminationCheck,
) -> list[Rewrite]:
    fragments = {one.fragment.id: one.fragment for one in wanted}
    kept = {
        id: [row.text for row in rows if row.reason is None]
        for id, rows in run.ledger.rewrites.of_fragments(list(fragments)).items()
    }
    questions = recalled(run, list(fragments.values()))
    found = []
    for one, reply in zip(wanted, replies, strict=True):
        fragment = one.fragment
        row = Rewrite(
            content_id("rewrite", fragment.id, one.sample, reply.text),
            generation,
            fragment.id,
            one.sample,
            one.kind,
            questions[fragment.id],
            reply.text,
            reply.finish_reason,
        )
        reason, detail = first_objection(
            row,
            fragment,
            run.prompts.profile(fragment.language),
            run.prompts.wanted(fragment.language),
            run.config.check,
            contamination,
        )
        if reason is None and run.config.check.duplicates and repeats(row.text, kept[fragment.id]):
            reason, detail = "duplicate", "says nothing beyond another rewrite of the fragment"
        if reason is None:
            kept[fragment.id].append(row.text)
        found.append(replace(row, reason=reason, detail=detail))
    return found


def recalled(run: Run, fragments: Sequence[Fragment]) -> dict[str, str]:
    """{fragment: the question to which its rewrites are trained as the answer}. Without a heading,
    the name of the document is its subject."""
    paths = run.ledger.documents.paths([one.document_id for one in fragments])
    return {
        one.id: run.prompts.recall(one.heading or (PurePath(path).stem,), one.language)
        for one, path in zip(fragments, paths, strict=True)
    }
