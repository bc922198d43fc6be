"""compare: runs, or a run and its rivals, on the same questions, in a table and as JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from self_evolution.errors import UserError

if TYPE_CHECKING:
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


def write_json(path: Path, value: Any) -> None:
    """Whole at any moment. Raises UserError if the disk does not take it."""
    from self_evolution.report.render.pages import put

    put(path, json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def show(rows: Sequence[Row], what: str, generations: Sequence[str]) -> None:
    """The scores of each row, then its differences to the first."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from self_evolution.cli.table import print_fitting
    from self_evolution.evaluation.statistics import format_difference, format_mean, format_p
    from self_evolution.evaluation.tasks import MODES, Task

    look: dict[str, Any] = {"box": box.SIMPLE_HEAD, "pad_edge": False, "collapse_padding": True}

    def table(tasks: Sequence[Task], apart: str) -> Table:
        scores = Table(title="means, % [95% interval]", title_justify="left", **look)
        scores.add_column(what, overflow="fold")
        scores.add_column("gen", justify="right", no_wrap=True)
        for task in tasks:
            title = f"{task.suite}\n{MODES[task.mode]}\n{rows[0].metrics[task]}"
            scores.add_column(title, justify="right", no_wrap=True)
        for row, generation in zip(rows, generations, strict=True):
            cells = [format_mean(row.scores[task], apart=apart) for task in tasks]
            scores.add_row(Text(row.name), generation, *cells)
        return scores

    print_fitting(list(rows[0].scores), table)
    console = Console()
    print(f"differences to {rows[0].name}, points [95% interval], p after Holm over all of them")
    for task in rows[0].scores:
        title = f"{task.suite}, {MODES[task.mode]}, {rows[0].metrics[task]}"
        differences = Table(title=title, title_justify="left", **look)
        differences.add_column(what, overflow="fold")
        for name in ("difference", "p"):
            differences.add_column(name, justify="right", no_wrap=True)
        differences.add_column("", no_wrap=True)
        for row in rows[1:]:
            one = row.above[task]
            differences.add_row(
                Text(row.name), format_difference(one), format_p(one.p_adjusted), one.verdict
            )
        console.print(differences)
