"""The report for mail and wikis: RUN/report/report.md, in GitHub's Markdown."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from self_evolution.report.facts import Facts
from self_evolution.report.render import others, words
from self_evolution.report.render.headline import headline
from self_evolution.report.render.pages import environment

if TYPE_CHECKING:
    import jinja2

LIMITS = {"documents": 40, "parts": 20, "missed": 5, "unreadable": 50}
SIZE = 600
"""Characters of a text that are quoted."""

_MARKS = re.compile(r"[\\`*_\[\]<>#|~&$@]|^[-+=]|^\d+[.)]|://|(?i:\bwww\.)")
_HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+"
)


def escape(text: object) -> str:
    """Escape a text, so that Markdown shows it as it is, in one line, without markup, links or
    HTML.

    White space and control characters (those that turn the direction of writing too) become one
    space.
    """
    plain = " ".join(_HIDDEN.sub(" ", str(text)).split())
    return _MARKS.sub(lambda found: _broken(found[0]), plain)


def _broken(mark: str) -> str:
    """The mark with a backslash, placed where it makes the mark a text."""
    return "\\://" if mark == "://" else f"{mark[:-1]}\\{mark[-1]}"


def quote(text: str) -> str:
    return escape(words.cut(text, SIZE)) or "(nothing)"


@cache
def _template() -> jinja2.Template:
    # escape() does what autoescape does elsewhere: this is not HTML
    found = environment(autoescape=False, finalize=lambda value: "" if value is None else value)
    found.filters |= {"md": escape, "quote": quote}
    return found.get_template("report.md.j2")


def render(facts: Facts) -> str:
    """The report as text. Everything from documents, models and settings is escaped."""
    text = _template().render(
        facts=facts,
        config=facts.config,
        lead=facts.lead,
        head=headline(facts),
        others=others,
        limits=LIMITS,
    )
    return text.rstrip() + "\n"
