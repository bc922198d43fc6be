"""ablation.html: the two figures and the table, one file that needs nothing else.

The figures are written as files of their own too: course.svg and metrics.svg.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from self_evolution.experiments.ablation.results import Results
from self_evolution.experiments.comparison import Exam
from self_evolution.report import figure, words
from self_evolution.report.bars import Bars
from self_evolution.report.chart import STYLES, Chart, Line
from self_evolution.report.headline import EXAMS
from self_evolution.report.pages import environment, put

LABEL = 26
"""Characters of a line's name."""

COURSE, METRICS = (720, 320), (760, 300)
"""Width and height of the figures."""


def write(results: Results, page: Path) -> None:
    """The figures beside the page are those of its first exam, and of all metrics.

    Raises UserError if the disk does not take it.
    """
    styles = {name: STYLES[i % len(STYLES)] for i, name in enumerate(results.names)}
    charts = {exam: _chart(results, exam, styles) for exam in results.curves}
    bars = Bars("Metrics, domain questions, book closed", results.bars, styles)
    values: dict[str, Any] = {
        "results": results,
        "name": page.absolute().parent.name,
        "titles": EXAMS,
        "styles": styles,
        "charts": charts,
        "bars": bars,
        "course": COURSE,
        "metrics": METRICS,
    }
    put(page, environment().get_template("ablation.html.j2").render(values) + "\n")
    if charts:
        first = next(iter(charts.values()))
        figure.write(first.svg("course", *COURSE), page.with_name("course.svg"))
    if results.bars:
        figure.write(bars.svg("metrics", *METRICS), page.with_name("metrics.svg"))


def _chart(results: Results, exam: Exam, styles: dict[str, str]) -> Chart:
    """A line a variant; the base runs across, once where it is the same for all."""
    curves = results.curves[exam]
    bases = {name: curve[0].mean for name, curve in curves.items() if 0 in curve}
    alike = len(set(bases.values())) < 2
    lines = tuple(
        Line(_short(name), curve, styles[name], base=not alike or place == 0)
        for place, (name, curve) in enumerate(curves.items())
        if curve
    )
    metric = results.rows[0].metrics[exam]
    everybody = frozenset(generation for curve in curves.values() for generation in curve)
    title = f"{EXAMS[exam]}: {metric}"
    return Chart(title, lines, everybody, 100.0 if words.is_share(metric) else None)


def _short(name: str) -> str:
    """So that a long name leaves room for its line; the key below has it whole."""
    return name if len(name) <= LABEL else f"{name[: LABEL - 1]}…"
