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
    temporary = path.with_name(path.name + ".tmp")
    try:
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None


def show(rows: Sequence[Row], what: str, generations: Sequence[str]) -> None:
    """The scores of each row, then its differences to the first."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from self_evolution.cli.table import Exam, print_fitting
    from self_evolution.evaluation.tasks import MODES

    look: dict[str, Any] = {"box": box.SIMPLE_HEAD, "pad_edge": False, "collapse_padding": True}

    def table(exams: Sequence[Exam], apart: str) -> Table:
        scores = Table(title="means, % [95% interval]", title_justify="left", **look)
        scores.add_column(what, overflow="fold")
        scores.add_column("gen", justify="right", no_wrap=True)
        for suite, mode in exams:
            title = f"{suite}\n{MODES[mode]}\n{rows[0].metrics[suite, mode]}"
            scores.add_column(title, justify="right", no_wrap=True)
        for row, generation in zip(rows, generations, strict=True):
            means = [row.scores[exam] for exam in exams]
            cells = [f"{one.mean:.1f}{apart}[{one.low:.0f}–{one.high:.0f}]" for one in means]
            scores.add_row(Text(row.name), generation, *cells)
        return scores

    print_fitting(list(rows[0].scores), table)
    console = Console()
    print(f"differences to {rows[0].name}, points [95% interval], p after Holm over all of them")
    for exam in rows[0].scores:
        suite, mode = exam
        title = f"{suite}, {MODES[mode]}, {rows[0].metrics[exam]}"
        gaps = Table(title=title, title_justify="left", **look)
        gaps.add_column(what, overflow="fold")
        for name in ("difference", "p"):
            gaps.add_column(name, justify="right", no_wrap=True)
        gaps.add_column("", no_wrap=True)
        for row in rows[1:]:
            change = row.gaps[exam].change
            gaps.add_row(
                Text(row.name),
                f"{change.mean:+.1f} [{change.low:+.1f} to {change.high:+.1f}]",
                told_p(row.gaps[exam].p),
                row.gaps[exam].verdict,
            )
        console.print(gaps)


def told_p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
