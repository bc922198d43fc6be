"""ablation.html: the two figures and the table, one file that needs nothing else.

The figures are written as files of their own too: course.svg and metrics.svg.
"""

from __future__ import annotations

from pathlib import Path

from self_evolution.evaluation.scores import is_share
from self_evolution.evaluation.tasks import Task
from self_evolution.experiments.ablation.results import Results
from self_evolution.report.render.bars import Bars
from self_evolution.report.render.lines import STYLES, Chart, Line
from self_evolution.report.render.pages import html, put
from self_evolution.report.render.svg import standalone

LABEL = 26
"""The most characters of a line's name."""

COURSE_SIZE, METRICS_SIZE = (720, 320), (760, 300)
"""Width and height of the figures, in pixels."""


def write(results: Results, page: Path) -> None:
    """Write the page, and beside it two figures: the curves of its first task, and the bars of all
    metrics.

    Raises UserError if the disk does not take it.
    """
    styles = {name: STYLES[i % len(STYLES)] for i, name in enumerate(results.names)}
    charts = {task: _chart(results, task, styles) for task in results.curves}
    bars = Bars("Metrics, domain questions, book closed", results.bars, styles)
    text = html(
        "ablation.html.j2",
        results=results,
        name=page.absolute().parent.name,
        styles=styles,
        charts=charts,
        bars=bars,
        course=COURSE_SIZE,
        metrics=METRICS_SIZE,
    )
    put(page, text)
    if charts:
        first = next(iter(charts.values()))
        put(page.with_name("course.svg"), standalone(first.svg("course", *COURSE_SIZE)))
    if results.bars:
        put(page.with_name("metrics.svg"), standalone(bars.svg("metrics", *METRICS_SIZE)))


def _chart(results: Results, task: Task, styles: dict[str, str]) -> Chart:
    """A chart with a line for each variant. The base is a horizontal line; it is drawn once if it
    is the same for all variants."""
    curves = results.curves[task]
    bases = {name: curve[0].mean for name, curve in curves.items() if 0 in curve}
    alike = len(set(bases.values())) < 2
    lines = tuple(
        Line(_short(name), curve, styles[name], base=not alike or place == 0)
        for place, (name, curve) in enumerate(curves.items())
        if curve
    )
    metric = results.rows[0].metrics[task]
    everybody = frozenset(generation for curve in curves.values() for generation in curve)
    return Chart(f"{task.title}: {metric}", lines, everybody, 100.0 if is_share(metric) else None)


def _short(name: str) -> str:
    """Shorten a long name, so that it leaves room for its line; the key below the chart has the
    whole name."""
    return name if len(name) <= LABEL else f"{name[: LABEL - 1]}…"
