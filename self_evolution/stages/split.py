"""Split: sections become fragments within the token limit; duplicates are recognised."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby

from self_evolution.documents.splitter import SHORTEST, Splitter
from self_evolution.errors import UserError
from self_evolution.ledger import SectionRow
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome
from self_evolution.text.counts import many

SECTIONS_A_UNIT, UNITS_A_BATCH = 128, 16


def split(run: Run, generation: int) -> Outcome:
    """Make the fragments and their search index."""
    made = make_fragments(run)
    run.update_index()
    return made


def make_fragments(run: Run) -> Outcome:
    """Raises UserError if no fragment is left to ask about."""
    outline = run.ledger.documents.outline()
    overlapping = {row.document_id for row in outline if row.overlap}
    units = {rows[0].id: [row.id for row in rows] for rows in _units(outline)}
    there = run.ledger.documents.split_sections()
    done = {first for first, ids in units.items() if not there.isdisjoint(ids)}
    # In reading order, so that of two equal fragments the later one is the duplicate.
    order = [(first, i) for i, first in enumerate(units)]
    splitter = (
        Splitter(run.config.split, run.ledger, run.models.count, overlapping)
        if len(done) < len(units)
        else None
    )
    for ids, _ in run.batches("split", 0, "parts", run.ledger.queue(order, done), UNITS_A_BATCH):
        assert splitter is not None
        sections = [run.ledger.documents.sections(units[first]) for first in ids]
        run.ledger.add([row for unit in sections for row in splitter.fragments(unit)])
        splitter.committed()
    counts = run.ledger.fragments.counts()
    if run.config.read.documents and not counts["fragments"]:
        raise UserError(
            f"no fragment to ask about: all {counts['sections']} sections have less than "
            f"{SHORTEST} characters; give documents with longer texts"
        )
    return Outcome(
        counts["fragments"], _note(counts, run.ledger.documents.short_sections(SHORTEST))
    )


def _units(outline: Sequence[SectionRow]) -> Iterator[list[SectionRow]]:
    """Yield the units of a document, each of which is split by itself; they are the same at every
    call.

    A unit ends where a section does not continue the one before, or does not share its heading.
    """
    for _, rows in groupby(outline, key=lambda row: row.document_id):
        unit: list[SectionRow] = []
        for row in rows:
            if len(unit) >= SECTIONS_A_UNIT and not row.overlap and _apart(unit[-1], row):
                yield unit
                unit = []
            unit.append(row)
        yield unit


def _apart(one: SectionRow, other: SectionRow) -> bool:
    first, second = json.loads(one.heading), json.loads(other.heading)
    return not first or first[:1] != second[:1] or len(first) + len(second) < 4


def _note(counts: dict[str, int], short: int) -> str:
    note = f"{many(counts['fragments'], 'fragment')}"
    if counts["duplicates"] or counts["quoted"]:
        left = counts["fragments"] - counts["duplicates"] - counts["quoted"]
        near = f" ({counts['near']:,} nearly)" if counts["near"] else ""
        quoted = f", {counts['quoted']:,} only quoted in mail" if counts["quoted"] else ""
        note += (
            f", {counts['duplicates']:,} of them duplicates{near}{quoted}: {left:,} to ask about"
        )
    return note + (f"; {short:,} too short" if short else "")
