"""A probe: the first stages of a run, as they are, on a few of its fragments."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from self_evolution.evaluation.building import builds, taken
from self_evolution.ledger import Ledger
from self_evolution.records import Document, Fragment, Section
from self_evolution.run import Run
from self_evolution.stages.answer import answer
from self_evolution.stages.ask import ask
from self_evolution.stages.build import build
from self_evolution.stages.check import check

SIZE = 8
"""Fragments that are probed, evenly spread over their lengths."""

ASKED = 2
"""The most questions that are asked about each of them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What came of the probe; `seconds` and `cpu_seconds` are those of asking and answering.

    `kept` of `pairs` passed the checks, `taken` of `candidates` would be test questions. `reasons`
    are those against the others, with their number, the most frequent first.
    """

    fragments: int
    pairs: int
    kept: int
    candidates: int
    taken: int
    reasons: tuple[tuple[str, int], ...]
    seconds: float
    cpu_seconds: float


def probe(run: Run, folder: Path) -> Sample:
    """Ask and answer about some fragments of `run`, which is read and split, in a ledger apart.

    Test questions are built too where the run would build them. Its own ledger stays as it is.
    """
    settings = run.config
    asked = min(settings.ask.per_fragment, ASKED)
    changed = settings.changed(
        {
            "ask.pairs": "",
            "ask.per_fragment": asked,
            "evaluate.abilities": 0,
            "evaluate.held_out": 0.0,
            "evaluate.file": "",
            "evaluate.build": "always" if builds(settings) else "never",
            "evaluate.retention_file": "",
        }
    )
    chosen = spread(run.ledger.fragments.for_training())
    with closing(Ledger(folder / "probe.db")) as ledger:
        ledger.add(_rows(run, chosen))
        engine = None if settings.ask.teacher else run.engine  # a teacher is loaded first
        small = Run(folder, changed, ledger, run.progress, engine)
        if builds(settings):
            build(small, 0)
        start, cpu = time.perf_counter(), time.process_time()
        if asked:
            ask(small, 1)
            answer(small, 1)
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
        check(small, 1)
        pairs, reasons = ledger.count("answer"), ledger.pairs.reasons()
        out = [(reason, n) for _, reason, n in reasons]
        out += [(reason, n) for _, reason, n in ledger.items.candidate_reasons() if reason]
        return Sample(
            len(chosen),
            pairs,
            pairs - sum(n for _, _, n in reasons),
            ledger.count("candidate"),
            len(taken(ledger, "seen")),
            tuple(sorted(out, key=lambda row: -row[1])),
            seconds,
            cpu_seconds,
        )


def spread(tasks: list[tuple[str, int]]) -> list[str]:
    """SIZE of these ids, or all, at even distances in the order of their lengths."""
    ordered = [id for id, _ in sorted(tasks, key=lambda task: (task[1], task[0]))]
    size = min(SIZE, len(ordered))
    return [ordered[(2 * i + 1) * len(ordered) // (2 * size)] for i in range(size)]


def _rows(run: Run, ids: list[str]) -> list[Document | Section | Fragment]:
    """The fragments with their documents and sections. The marks of duplicates are taken off: what
    they are duplicates of may not be among them."""
    fragments = run.ledger.fragments.get(ids)
    wanted = {fragment.document_id for fragment in fragments}
    documents = [one for one in run.ledger.documents.here() if one.id in wanted]
    sections = sorted({fragment.section_id for fragment in fragments})
    alone = [replace(fragment, duplicate=None, duplicate_of=None) for fragment in fragments]
    return [*documents, *run.ledger.documents.sections(sections), *alone]
