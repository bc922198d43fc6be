"""The report: RUN/report/index.html, one file that needs nothing else and runs no script.

Beside it the same for mail and wikis, report.md, and for programs, results.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from self_evolution.config import Config
from self_evolution.ledger import Ledger
from self_evolution.records import Evaluation
from self_evolution.report import markdown, results, words
from self_evolution.report.chart import Chart, Line
from self_evolution.report.facts import Exam, Facts, gather
from self_evolution.report.headline import EXAMS
from self_evolution.report.pages import environment, put

STYLE = {"closed": "a", "retrieved": "c", "open": "b"}
"""The line of each mode in the charts."""

LIMITS = {"documents": 40, "cells": 12, "rows": 100, "missed": 10}
"""How much of the map is shown: documents, and of each cells, headings and missed questions."""

OTHER_METRICS = ("exact-match", "token-f1", "rouge-l", "bleu-4")


def write(config: Config, ledger: Ledger, page: Path) -> None:
    """Write `page`, and report.md and results.json beside it, each whole at any moment.

    Raises UserError if the disk does not take them.
    """
    facts, run = gather(config, ledger), page.absolute().parent.parent.name
    put(page.with_name("results.json"), results.render(config, facts))
    put(page.with_name("report.md"), markdown.render(config, facts, run))
    put(page, render(config, facts, run))


def render(config: Config, facts: Facts, run: str) -> str:
    """The page as text. Whatever comes from documents, models and settings is escaped."""
    values: dict[str, Any] = {
        "run": run,
        "config": config,
        "facts": facts,
        "limits": LIMITS,
        "titles": EXAMS,
        "main": _main_chart(facts),
        "others": _other_charts(facts),
        "retention": _retention_chart(facts),
    }
    return environment().get_template("page.html.j2").render(values) + "\n"


def _main_chart(facts: Facts) -> Chart | None:
    """The deciding metric: book closed against the base, with search and open book above it."""
    lines = (
        _deciding(facts, "domain", "closed", "closed book"),
        _deciding(facts, "domain", "retrieved", "with search", base=False),
        _deciding(facts, "domain", "open", "open book", base=False),
    )
    return _chart(facts, f"{_metrics(lines)}, domain questions", lines)


def _other_charts(facts: Facts) -> list[Chart]:
    metrics = [metric for metric in OTHER_METRICS if metric != facts.headline.metric]
    charts = [
        _chart(facts, metric, (_line(facts, "domain", "closed", metric, ""),)) for metric in metrics
    ]
    return [chart for chart in charts if chart]


def _retention_chart(facts: Facts) -> Chart | None:
    lines = (
        _deciding(facts, "abilities", "closed", "own", style="c"),
        _deciding(facts, "retention", "closed", "memory"),
        _deciding(facts, "retention", "open", "passage"),
    )
    return _chart(facts, f"{_metrics(lines)}, former abilities", lines)


def _metrics(lines: tuple[Line, ...]) -> str:
    """That of all lines, or, where they differ, each with the lines that are drawn in it."""
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
    top = 100.0 if any(words.is_share(row.metric) for row in _rows(drawn)) else None
    return Chart(title, drawn, leaders, top) if drawn else None


def _rows(lines: tuple[Line, ...]) -> Iterator[Evaluation]:
    return (row for line in lines for row in line.rows.values())


def _deciding(
    facts: Facts, suite: str, mode: str, label: str, base: bool = True, style: str = ""
) -> Line:
    """In the metric that decides in this exam."""
    return _line(facts, suite, mode, facts.headline.metrics[suite, mode], label, base, style)


def _line(
    facts: Facts,
    suite: str,
    mode: str,
    metric: str,
    label: str,
    base: bool = True,
    style: str = "",
) -> Line:
    found: list[Exam] = [e for e in facts.exams if (e.suite, e.mode) == (suite, mode)]
    rows = {g: row[metric] for exam in found for g, row in exam.rows.items() if metric in row}
    return Line(label, rows, style or STYLE[mode], base)
