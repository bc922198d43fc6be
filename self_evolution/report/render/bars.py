"""Grouped bars with intervals as inline SVG; colours come from the page's style sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from self_evolution.evaluation.statistics import Interval
from self_evolution.report.render.svg import frame, scale, text
from self_evolution.report.render.words import number

LEFT, TOP, BOTTOM, GAP = 34, 18, 24, 0.25


@dataclass(frozen=True, slots=True)
class Bars:
    """`values[metric][variant]` are drawn as a group of bars for each metric, with a bar for each
    variant. `styles[variant]` is a letter from a to f."""

    title: str
    values: Mapping[str, Mapping[str, Interval]]
    styles: Mapping[str, str]

    def svg(self, name: str, width: int, height: int) -> Markup:
        """`name` is unique on the page."""
        highest = max(
            (one.high for group in self.values.values() for one in group.values()), default=0
        )
        step, top = scale(highest)

        def y(value: float) -> float:
            return TOP + (1 - value / top) * (height - TOP - BOTTOM)

        parts = []
        for i in range(round(top / step) + 1):
            at = y(i * step)
            parts.append(_line("grid", LEFT, width, at, at))
            parts.append(text(LEFT - 6, at + 4, f"{i * step:g}", "tick end"))
        room = (width - LEFT) / max(1, len(self.values))
        for place, (metric, group) in enumerate(self.values.items()):
            left = LEFT + place * room
            parts.append(text(left + room / 2, height - 6, metric, "tick middle"))
            broad = room * (1 - GAP) / len(group)
            for i, (variant, one) in enumerate(group.items()):
                x = left + room * GAP / 2 + i * broad
                parts.append(
                    Markup(
                        '<rect class="column {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" '
                        'height="{:.1f}"/>'
                    ).format(
                        self.styles[variant], x + 1, y(one.mean), broad - 2, y(0) - y(one.mean)
                    )
                )
                middle = x + broad / 2
                parts.append(_line("whisker ink", middle, middle, y(one.low), y(one.high)))
                if broad >= 24:
                    parts.append(text(middle, y(one.high) - 4, number(one.mean), "tick middle"))
        return frame(name, (width, height), self.title, " ".join(self._told()), parts)

    def _told(self) -> Iterator[str]:
        """The chart's numbers in words, for those who cannot see it."""
        for metric, group in self.values.items():
            numbers = (
                f"{variant} {one.mean:.1f} [{one.low:.1f} to {one.high:.1f}]"
                for variant, one in group.items()
            )
            yield f"{metric}: {'; '.join(numbers)}."


def _line(kind: str, x1: float, x2: float, y1: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>').format(
        kind, x1, x2, y1, y2
    )
