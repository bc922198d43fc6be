"""Tables in the terminal: how they look, and how they fit its width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table

from self_evolution.evaluation.statistics import Interval, format_mean
from self_evolution.evaluation.tasks import Task
from self_evolution.records import Evaluation


def plain(title: str = "") -> Table:
    """An empty table with no lines but the one under its head."""
    return Table(
        title=title or None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )


def print_fitting(columns: Sequence[Task], table: Callable[[Sequence[Task], str], Table]) -> None:
    """Print `table(columns, apart)` as `fitting` makes it."""
    console = Console()
    for one in fitting(console, columns, table):
        console.print(one)


def fitting(
    console: Console, columns: Sequence[Task], table: Callable[[Sequence[Task], str], Table]
) -> list[Table]:
    """`table(columns, apart)`, where `apart` stands between a mean and its interval.

    Where the terminal is too narrow, intervals stand under their means, or suites in tables of
    their own.
    """
    endless = console.options.update(max_width=10_000)
    by_suite = [list(some) for _, some in groupby(columns, key=lambda task: task.suite)]
    for groups, apart in (([columns], " "), ([columns], "\n"), (by_suite, " "), (by_suite, "\n")):
        tables = [table(group, apart) for group in groups]
        if all(console.measure(one, options=endless).maximum <= console.width for one in tables):
            break
    return tables


def cell(score: Evaluation | Interval | None, apart: str) -> str:
    """`93.5 [90–96]`, with `apart` between the mean and its interval; – for none."""
    if score is None:
        return "–"
    return format_mean(score, apart=apart).replace("100.0", "100", 1)
