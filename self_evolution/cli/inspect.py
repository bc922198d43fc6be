"""inspect: show how the documents were understood, in the terminal and as a page."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from self_evolution.cli import tables
from self_evolution.errors import UserError, nearest, printable
from self_evolution.ledger import DocumentRow, Ledger
from self_evolution.records import Fragment
from self_evolution.report.render import document
from self_evolution.run.read import read_run
from self_evolution.text.counts import many

_MOST = 20


def inspect(options: argparse.Namespace) -> int:
    """Print a table of all documents, or the fragments of one document, which are also written as a
    page."""
    folder = Path(options.source)
    with read_run(folder) as run:
        rows = run.ledger.documents.rows()
        if not rows:
            raise UserError(f"{folder}: no document was read yet; `self-evolution read {folder}`")
        if not options.document:
            _list(rows)
            return 0
        row = _chosen(rows, options.document)
        fragments = run.ledger.fragments.of_document(row.document.id)
        paths = {row.document.id: row.path for row in rows}
        _show(run.ledger, row, fragments, paths)
        if fragments:
            page = document.write(row, fragments, folder / "report")
            print(f"page: {page}")
    return 0


def _chosen(rows: list[DocumentRow], wanted: str) -> DocumentRow:
    """Return the document that has `wanted` as its id or path, or whose path ends with it or
    contains it."""
    paths = [row.path for row in rows]
    for fits in (wanted.__eq__, lambda path: path.endswith(wanted), lambda path: wanted in path):
        found = [row for row in rows if fits(row.path) or row.document.id == wanted]
        live = [row for row in found if row.here] or found
        if len(live) == 1:
            return live[0]
        if found:
            some = "\n".join(
                f"  {printable(row.path)}  or by its id: {row.document.id}" for row in live[:_MOST]
            )
            raise UserError(f"{wanted}: {len(live):,} documents fit; name one of them\n{some}")
    raise UserError(f"{wanted}: no such document in this run; {nearest(wanted, paths)}")


def _list(rows: list[DocumentRow]) -> None:
    table = tables.plain()
    table.add_column("document", overflow="fold", ratio=3)
    for name in ("sections", "fragments", "same"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("lang", no_wrap=True)
    table.add_column("remark", overflow="fold", ratio=2)
    for row in rows:
        table.add_row(
            Text(printable(row.path), style="" if row.here else "dim"),
            *(f"{n:,}" if n else "–" for n in (row.sections, row.fragments, row.duplicates)),
            row.languages,
            Text(_remark(row), style="yellow" if row.document.problem else ""),
        )
    Console().print(table)
    print("`self-evolution inspect RUN DOCUMENT` shows how one of them was split")


def _remark(row: DocumentRow) -> str:
    remarks = [] if row.here else ["no longer there"]
    return "; ".join([*remarks, *filter(None, (row.document.problem, row.document.note))])


def _show(
    ledger: Ledger, row: DocumentRow, fragments: list[Fragment], paths: dict[str, str]
) -> None:
    console = Console(highlight=False, soft_wrap=True)
    document = row.document
    console.print(Text(f"{document.title}", style="bold"))
    console.print(Text(printable(f"{row.path} · {many(row.sections, 'section')}")))
    if remark := _remark(row):
        console.print(Text(remark, style="yellow"))
    for number, fragment in enumerate(fragments, 1):
        console.print()
        console.print(Text(heading_line(number, fragment), style="cyan"))
        if fragment.duplicate_of:
            console.print(Text(_sameness(ledger, fragment, paths), style="dim"))
        else:
            console.print(Text(fragment.text))
    if not fragments and not document.problem:
        console.print("no fragments yet: `self-evolution split RUN` makes them")
    counts = Counter(fragment.language for fragment in fragments)
    console.print()
    by_language = ", ".join(f"{n:,} in {language}" for language, n in counts.most_common())
    print(f"{many(len(fragments), 'fragment')}{f': {by_language}' if by_language else ''}")


def heading_line(number: int, fragment: Fragment) -> str:
    """`#3 · page 4 · Book › Chapter · 312 tokens · de`."""
    parts: list[Any] = [f"#{number}"]
    if fragment.page is not None:
        parts.append(f"page {fragment.page}")
    if fragment.heading:
        parts.append(" › ".join(fragment.heading))
    parts += [f"{many(fragment.tokens, 'token')}", fragment.language]
    if fragment.own is not None:
        parts.append("nothing is asked about what stands behind >")
    return " · ".join(parts)


def _sameness(ledger: Ledger, fragment: Fragment, paths: dict[str, str]) -> str:
    (first,) = ledger.fragments.get([fragment.duplicate_of or ""])
    how = "the same as" if fragment.duplicate == "exact" else "says nothing that is not in"
    place = f", page {first.page}" if first.page is not None else ""
    return f"{how} a fragment of {printable(paths[first.document_id])}{place}"
