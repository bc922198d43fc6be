"""The parts that charts share: axes, labels, a frame with a description, a file of their own."""

from __future__ import annotations

import math
from collections.abc import Iterable

from markupsafe import Markup

from self_evolution.report.render.pages import CHART_STYLE

_ROOT = (
    ":root { background: var(--paper); font-family: system-ui, 'Noto Sans CJK SC', sans-serif; }"
)


def text(x: float, y: float, content: str, kind: str) -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(kind, x, y, content)


def frame(
    name: str, size: tuple[int, int], title: str, description: str, parts: Iterable[Markup]
) -> Markup:
    """The `<svg>` of a chart, `size` (width, height) large.

    `name` is unique on the page. `description` has all numbers, for those who cannot see them.
    """
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 {} {}" style="max-width:{}px" '
        'aria-labelledby="{}-t {}-d"><title id="{}-t">{}</title><desc id="{}-d">{}</desc>{}</svg>'
    ).format(
        *size,
        round(size[0] * 1.2),
        *(name, name, name, title, name, description),
        Markup("").join(parts),
    )


def scale(highest: float) -> tuple[float, float]:
    """(step, top) of an axis that begins at 0 and contains `highest`; it goes beyond 100 only if
    `highest` does."""
    for step in (1.0, 2.0, 5.0, 10.0, 20.0, 25.0):
        if highest <= 4 * step:
            return step, step * max(2, math.ceil(highest / step - 1e-9))
    return 25.0, 25.0 * math.ceil(highest / 25 - 1e-9)


def standalone(chart: Markup) -> str:
    """A chart as a file of its own; light or dark follows the reader's setting."""
    style = f"<style>\n{CHART_STYLE.read_text(encoding='utf-8')}{_ROOT}\n</style>"
    opening, inside = str(chart).split(">", 1)
    opening = opening.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return f"{opening}>{style}{inside}\n"
