"""The page index.html: one file that needs no other file and runs no script."""

from __future__ import annotations

from self_evolution.evaluation.metrics import CHARTED
from self_evolution.evaluation.tasks import MAIN, Task
from self_evolution.report.facts import Facts
from self_evolution.report.render import others, pages
from self_evolution.report.render.headline import headline
from self_evolution.report.render.lines import Chart, Line
from self_evolution.report.render.words import is_share

STYLE = {"closed": "a", "retrieved": "c", "open": "b"}
"""The line of each mode in the charts."""

LIMITS = {"documents": 40, "cells": 12, "rows": 100, "missed": 10}
"""The size of the map: the documents, and for each the cells, headings and missed questions."""


def render(facts: Facts) -> str:
    """The page as text. Whatever comes from documents, models and settings is escaped."""
    return pages.html(
        "page.html.j2",
        facts=facts,
        config=facts.config,
        lead=facts.lead,
        head=headline(facts),
        others=others,
        limits=LIMITS,
        main=_main_chart(facts),
        panels=_other_charts(facts),
        retention=_retention_chart(facts),
    )


def _main_chart(facts: Facts) -> Chart | None:
    """The chart of the deciding metric: closed book beside the base, with search, and open book."""
    lines = (
        _line(facts, MAIN, "closed book", base=True),
        _line(facts, Task("domain", "retrieved"), "with search"),
        _line(facts, Task("domain", "open"), "open book"),
    )
    return _chart(facts, f"{_metrics(lines)}, domain questions", lines)


def _other_charts(facts: Facts) -> list[Chart]:
    metrics = [name for name in CHARTED if name != facts.lead.metric]
    charts = [
        _chart(facts, metric, (_line(facts, MAIN, "", metric, base=True),)) for metric in metrics
    ]
    return [chart for chart in charts if chart]


def _retention_chart(facts: Facts) -> Chart | None:
    lines = (
        _line(facts, Task("abilities", "closed"), "own", base=True, style="c"),
        _line(facts, Task("retention", "closed"), "memory", base=True),
        _line(facts, Task("retention", "open"), "passage", base=True),
    )
    return _chart(facts, f"{_metrics(lines)}, former abilities", lines)


def _metrics(lines: tuple[Line, ...]) -> str:
    """The metric of all lines; if they differ, each metric with the lines that are drawn in it."""
    drawn: dict[str, list[str]] = {}
    for line in lines:
        for metric in sorted({row.metric for row in line.rows.values()}):
            drawn.setdefault(metric, []).append(line.label)
    if len(drawn) < 2:
        return "".join(drawn)
    return "; ".join(f"{metric} ({', '.join(labels)})" for metric, labels in drawn.items())


def _chart(facts: Facts, title: str, lines: tuple[Line, ...]) -> Chart | None:
    leaders = frozenset(row.generation for row in facts.promotions if row.promoted)
    drawn = tuple(line for line in lines if line.rows)
    shares = any(is_share(row.metric) for line in drawn for row in line.rows.values())
    return Chart(title, drawn, leaders, 100.0 if shares else None) if drawn else None


def _line(
    facts: Facts, task: Task, label: str, metric: str = "", base: bool = False, style: str = ""
) -> Line:
    """The line of a task in `metric`, or in the metric that decides in this task if none is
    given."""
    metric = metric or facts.lead.metrics[task]
    rows = {
        generation: row[metric]
        for one in facts.task_scores
        if one.task == task
        for generation, row in one.rows.items()
        if metric in row
    }
    return Line(label, rows, style or STYLE[task.mode], base)
