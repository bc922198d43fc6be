"""The report for mail and wikis: RUN/report/report.md, in GitHub's Markdown."""

from __future__ import annotations

import re
from typing import Any

from self_evolution.config import Config
from self_evolution.report import words
from self_evolution.report.facts import Facts
from self_evolution.report.headline import EXAMS
from self_evolution.report.pages import HERE

LIMITS = {"documents": 40, "parts": 20, "missed": 5, "unreadable": 50}
SIZE = 600
"""Characters of a text that are quoted."""

_MARKS = re.compile(r"[\\`*_\[\]<>#|~&$@]|^[-+=]|^\d+[.)]|://|(?i:\bwww\.)")
_HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+"
)


def escape(text: object) -> str:
    """Text that Markdown shows as it is, in one line: no markup, link or HTML comes out of it.

    White space and control characters (those that turn the direction of writing too) become one
    space.
    """
    plain = " ".join(_HIDDEN.sub(" ", str(text)).split())
    return _MARKS.sub(lambda found: _broken(found[0]), plain)


def _broken(mark: str) -> str:
    """With a backslash where it makes the mark a text."""
    return "\\://" if mark == "://" else f"{mark[:-1]}\\{mark[-1]}"


def quote(text: str) -> str:
    return escape(words.cut(text, SIZE)) or "(nothing)"


def render(config: Config, facts: Facts, run: str) -> str:
    """Whatever comes from documents, models and settings is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=False,  # escape() does it: this is not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_said,
    )
    environment.filters |= {"md": escape, "quote": quote}
    values: dict[str, Any] = {
        "run": run,
        "config": config,
        "facts": facts,
        "titles": EXAMS,
        "words": words,
        "limits": LIMITS,
    }
    return environment.get_template("report.md.j2").render(values).rstrip() + "\n"


def _said(value: Any) -> Any:
    return "" if value is None else value
