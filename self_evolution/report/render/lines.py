"""Line charts over the generations as inline SVG; colours come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from self_evolution.records import Evaluation
from self_evolution.report.render.svg import frame, scale, text
from self_evolution.report.render.words import number

LEFT, TOP, BOTTOM = 34, 16, 38
LINE_HEIGHT = 14
CHARACTER = 7.6
MOST_SAID = 3
"""If there are more lines than this, no values are written at their marks."""

STYLES = "abcdef"
"""Colours of series, in the order in which they are taken."""


@dataclass(frozen=True, slots=True)
class Line:
    """A series by generation. `style`: one of STYLES; b also differs in dash and marker."""

    label: str
    rows: Mapping[int, Evaluation]
    style: str = "a"
    base: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines to draw; `leaders` are generations that took the lead (filled markers).

    `top` is where the axis ends; None fits it to the values.
    """

    title: str
    lines: tuple[Line, ...]
    leaders: frozenset[int]
    top: float | None = None

    def svg(self, name: str, width: int, height: int) -> Markup:
        """`name` is unique on the page."""
        return _Drawing(self, width, height).svg(name)

    def description(self) -> str:
        """The chart's numbers in words, for those who cannot see it."""
        return " ".join(
            f"{line.label}: "
            + "; ".join(
                f"generation {g} {row.mean:.1f} [{row.low:.1f} to {row.high:.1f}]"
                for g, row in sorted(line.rows.items())
            )
            + "."
            for line in self.lines
        )


class _Drawing:
    def __init__(self, chart: Chart, width: int, height: int) -> None:
        self.chart, self.width, self.height = chart, width, height
        there = {g for line in chart.lines for g in line.rows}
        self.generations = list(range(min(there), max(there) + 1))
        labels = [label for _, label, _ in self._end_labels()]
        self.right = width - 12 - CHARACTER * max(map(len, labels), default=0)
        highest = max((row.high for line in chart.lines for row in line.rows.values()), default=0)
        self.step, self.top_value = scale(max(highest, chart.top or 0))

    def x(self, generation: int) -> float:
        first, last = self.generations[0], self.generations[-1]
        share = (generation - first) / (last - first) if last > first else 0.5
        return LEFT + 14 + share * (self.right - LEFT - 28)

    def y(self, value: float) -> float:
        return TOP + (1 - value / self.top_value) * (self.height - TOP - BOTTOM)

    def svg(self, name: str) -> Markup:
        parts = [*self._axes(), *self._bases()]
        for line in self.chart.lines:
            parts += self._line(line)
        parts += self._labels()
        size = self.width, self.height
        return frame(name, size, self.chart.title, self.chart.description(), parts)

    def _axes(self) -> Iterator[Markup]:
        for i in range(round(self.top_value / self.step) + 1):
            y = self.y(i * self.step)
            yield Markup('<line class="grid" x1="{}" x2="{:.0f}" y1="{:.1f}" y2="{:.1f}"/>').format(
                LEFT, self.right, y, y
            )
            yield text(LEFT - 6, y + 4, f"{i * self.step:g}", "tick end")
        fits = max(1, math.floor((self.right - LEFT) / 30))
        every = math.ceil(len(self.generations) / fits)
        for i, generation in enumerate(self.generations):
            if i % every == 0:
                label = str(generation) if generation else "base"
                yield text(self.x(generation), self.height - BOTTOM + 18, label, "tick middle")
        middle = (LEFT + self.right) / 2
        yield text(middle, self.height - 4, "generation", "tick middle")

    def _bases(self) -> Iterator[Markup]:
        """A horizontal line at the base's value, to compare each generation with it."""
        for line in self.chart.lines:
            if line.base and 0 in line.rows:
                y = self.y(line.rows[0].mean)
                yield Markup(
                    '<line class="base {}" x1="{}" x2="{:.0f}" y1="{:.1f}" y2="{:.1f}"/>'
                ).format(line.style, LEFT, self.right, y, y)

    def _line(self, line: Line) -> Iterator[Markup]:
        for run in _runs(line.rows, self.generations):
            points = [(self.x(g), line.rows[g]) for g in run]
            outline = [(x, row.high) for x, row in points]
            outline += [(x, row.low) for x, row in reversed(points)]
            yield Markup('<path class="band {}" d="{}Z"/>').format(line.style, self._path(outline))
            yield Markup('<path class="line {}" d="{}"/>').format(
                line.style, self._path([(x, row.mean) for x, row in points])
            )
        room = len(self.generations) * 26 < self.right - LEFT and len(self.chart.lines) <= MOST_SAID
        for generation, row in sorted(line.rows.items()):
            x, y = self.x(generation), self.y(row.mean)
            yield Markup('<line class="whisker {}" x1="{:.1f}" x2="{:.1f}" {}/>').format(
                line.style, x, x, Markup(f'y1="{self.y(row.low):.1f}" y2="{self.y(row.high):.1f}"')
            )
            hollow = "" if generation in self.chart.leaders else " hollow"
            yield _marker(x, y, f"mark {line.style}{hollow}", line.style)
            if line is self.chart.lines[0] and generation != max(line.rows) and room:
                below = row.mean > self.top_value / 2
                at = self.y(row.low) + 14 if below else self.y(row.high) - 6
                yield text(x, at, number(row.mean), f"value middle {line.style}")

    def _path(self, points: list[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{x:.1f},{self.y(value):.1f}" for x, value in points)

    def _end_labels(self) -> Iterator[tuple[float, str, str]]:
        """(value, text, class) of what is named at the right edge."""
        for line in self.chart.lines:
            if line.rows:
                last = line.rows[max(line.rows)].mean
                yield last, f"{line.label} {number(last)}".strip(), f"label {line.style}"
                if line.base and 0 in line.rows and len(line.rows) > 1:
                    base = line.rows[0].mean
                    yield base, f"base {number(base)}", f"label base-label {line.style}"

    def _labels(self) -> Iterator[Markup]:
        wanted = sorted((self.y(value), label, kind) for value, label, kind in self._end_labels())
        places = apart([y for y, _, _ in wanted], LINE_HEIGHT, TOP, self.height - BOTTOM)
        for at, (_, label, kind) in zip(places, wanted, strict=True):
            yield text(self.right + 6, at + 4, label, kind)


def apart(places: list[float], gap: float, low: float, high: float) -> list[float]:
    """Return the sorted places, moved as little as possible so that they are `gap` apart, between
    `low` and `high`."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap if moved else low))
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], moved[i + 1] - gap if i + 1 < len(moved) else high)
    return moved


def _runs(rows: Mapping[int, Evaluation], generations: list[int]) -> Iterator[list[int]]:
    """Yield runs of neighbouring generations that all have a value, so that a gap stays visible."""
    run: list[int] = []
    for generation in generations:
        if generation in rows:
            run.append(generation)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _marker(x: float, y: float, kind: str, style: str) -> Markup:
    if style == "b":
        return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="7" height="7"/>').format(
            kind, x - 3.5, y - 3.5
        )
    return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="4"/>').format(kind, x, y)
