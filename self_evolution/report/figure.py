"""A chart as an SVG file of its own, for documents and slides."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from self_evolution.report.pages import CHART_STYLE, put

_ROOT = (
    ":root { background: var(--paper); font-family: system-ui, 'Noto Sans CJK SC', sans-serif; }"
)


def write(chart: Markup, path: Path) -> None:
    """`chart` is one `<svg>` of a page; light or dark follows the reader's setting.

    Raises UserError if the disk does not take it.
    """
    style = f"<style>\n{CHART_STYLE.read_text(encoding='utf-8')}{_ROOT}\n</style>"
    opening, inside = str(chart).split(">", 1)
    opening = opening.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    put(path, f"{opening}>{style}{inside}\n")
