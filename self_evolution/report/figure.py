"""A chart as an SVG file of its own, for documents and slides: with the page's colours in it."""

from __future__ import annotations

import re
from pathlib import Path

from markupsafe import Markup

from self_evolution.report.pages import HERE, put

_RULES = re.compile(r"^\.chart .*$", re.MULTILINE)
_COLOURS = re.compile(r":root \{.*?\}", re.DOTALL)
_OPENING = re.compile(r"^<svg ([^>]*)>")
_FONT = "font-family: system-ui, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', sans-serif;"


def write(chart: Markup, path: Path) -> None:
    """`chart` is one `<svg>` of a page; light or dark follows the reader's setting.

    Raises UserError if the disk does not take it.
    """
    css = (HERE / "style.css").read_text(encoding="utf-8")
    light, dark, *_ = (
        found[0].removeprefix(":root").strip("{} \n") for found in _COLOURS.finditer(css)
    )
    style = "\n".join(
        [
            f"svg {{ {light} {_FONT} background: var(--paper); }}",
            f"@media (prefers-color-scheme: dark) {{ svg {{ {dark} }} }}",
            *_RULES.findall(css),
        ]
    )
    opening = rf'<svg xmlns="http://www.w3.org/2000/svg" \1><style>{style}</style>'
    put(path, _OPENING.sub(lambda found: found.expand(opening), str(chart)) + "\n")
