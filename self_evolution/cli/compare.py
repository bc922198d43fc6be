"""compare: runs, or a run and its rivals, on the same questions, in a table and as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from self_evolution.cli import tables
from self_evolution.cli.output import write_json
from self_evolution.errors import UserError
from self_evolution.evaluation.statistics import format_difference, format_p
from self_evolution.evaluation.tasks import MODES, Task
from self_evolution.experiments import comparison


def compare(options: argparse.Namespace) -> int:
    sides = [comparison.side(Path(source), options.generation) for source in options.sources]
    left_out: list[str] = []
    if len(sides) == 1:
        others, left_out = comparison.rival_sides(Path(options.sources[0]))
        sides += others
    if len(sides) < 2:
        raise UserError(
            f"compare: {'; '.join(left_out)}"
            if left_out
            else "compare: one run given, which was compared with no other model; expected two or "
            "more runs, or one with --against"
        )
    found = comparison.compare(sides, left_out)
    show(
        found.rows,
        "run" if len(options.sources) > 1 else "model",
        [str(one.generation) if one.generation >= 0 else "–" for one in sides],
    )
    for note in found.notes:
        print(f"note: {note}")
    print(found.sentence)
    if options.output:
        write_json(Path(options.output), found.as_json())
    return 0


def show(rows: Sequence[comparison.Row], what: str, generations: Sequence[str]) -> None:
    """The scores of each row, then its differences to the first."""

    def table(tasks: Sequence[Task], apart: str) -> Table:
        scores = tables.plain("means, % [95% interval]")
        scores.add_column(what, overflow="fold")
        scores.add_column("gen", justify="right", no_wrap=True)
        for task in tasks:
            title = f"{task.suite}\n{MODES[task.mode]}\n{rows[0].metrics[task]}"
            scores.add_column(title, justify="right", no_wrap=True)
        for row, generation in zip(rows, generations, strict=True):
            cells = [tables.cell(row.scores[task], apart) for task in tasks]
            scores.add_row(Text(row.name), generation, *cells)
        return scores

    tables.print_fitting(list(rows[0].scores), table)
    console = Console()
    print(f"differences to {rows[0].name}, points [95% interval], p after Holm over all of them")
    for task in rows[0].scores:
        differences = tables.plain(f"{task.suite}, {MODES[task.mode]}, {rows[0].metrics[task]}")
        differences.add_column(what, overflow="fold")
        for name in ("difference", "p"):
            differences.add_column(name, justify="right", no_wrap=True)
        differences.add_column("", no_wrap=True)
        for row in rows[1:]:
            one = row.above[task]
            differences.add_row(
                Text(row.name), format_difference(one), format_p(one.p_adjusted), one.direction
            )
        console.print(differences)
