"""compare: runs, or a run and its rivals, on the same questions, in a table and as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from self_evolution.cli import tables
from self_evolution.cli.output import write_json
from self_evolution.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from self_evolution.cli.tables import Exam
    from self_evolution.experiments.comparison import Row


def compare(options: argparse.Namespace) -> int:
    from self_evolution.experiments.comparison import compare, rival_sides, side

    sides = [side(Path(source), options.generation) for source in options.sources]
    left_out: list[str] = []
    if len(sides) == 1:
        others, left_out = rival_sides(Path(options.sources[0]))
        sides += others
    if len(sides) < 2:
        raise UserError(
            f"compare: {'; '.join(left_out)}"
            if left_out
            else "compare: one run given, which was held against no other model; expected two or "
            "more runs, or one with --against"
        )
    found = compare(sides, left_out)
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


def show(rows: Sequence[Row], what: str, generations: Sequence[str]) -> None:
    """The scores of each row, then its differences to the first."""
    from rich.console import Console
    from rich.text import Text

    from self_evolution.evaluation.tasks import MODES

    def table(exams: Sequence[Exam], apart: str) -> Table:
        scores = tables.plain("means, % [95% interval]")
        scores.add_column(what, overflow="fold")
        scores.add_column("gen", justify="right", no_wrap=True)
        for suite, mode in exams:
            title = f"{suite}\n{MODES[mode]}\n{rows[0].metrics[suite, mode]}"
            scores.add_column(title, justify="right", no_wrap=True)
        for row, generation in zip(rows, generations, strict=True):
            cells = [tables.cell(row.scores[exam], apart) for exam in exams]
            scores.add_row(Text(row.name), generation, *cells)
        return scores

    tables.print_fitting(list(rows[0].scores), table)
    console = Console()
    print(f"differences to {rows[0].name}, points [95% interval], p after Holm over all of them")
    for exam in rows[0].scores:
        suite, mode = exam
        title = f"{suite}, {MODES[mode]}, {rows[0].metrics[exam]}"
        gaps = tables.plain(title)
        gaps.add_column(what, overflow="fold")
        for name in ("difference", "p"):
            gaps.add_column(name, justify="right", no_wrap=True)
        gaps.add_column("", no_wrap=True)
        for row in rows[1:]:
            change = row.gaps[exam].change
            gaps.add_row(
                Text(row.name),
                f"{change.mean:+.1f} [{change.low:+.1f} to {change.high:+.1f}]",
                _format_p(row.gaps[exam].p),
                row.gaps[exam].verdict,
            )
        console.print(gaps)


def _format_p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
