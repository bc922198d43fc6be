"""Plain text and reStructuredText: sections along underlined headings, and nothing else."""

from __future__ import annotations

import re

from self_evolution.readers.base import Heading, Part, divide, may_be_heading

_LINE = re.compile(r"""^([=\-~^"'])\1*$""")


def read(content: str) -> tuple[str, list[Part]]:
    """Sections of a text. A lone heading of the first level is the title, as in reStructuredText.

    In a text `#` begins a comment and `~~~~` is a line: neither heading nor fence.
    """
    headings = _headings(content)
    top = [heading.text for heading in headings if heading.level == 1]
    return top[0] if len(top) == 1 else "", divide(content, headings)


def _headings(content: str) -> list[Heading]:
    """Titles with a line under them, or also over them, that is at least as long.

    Each way of drawing the lines is a level, in the order in which they appear.
    """
    found: list[Heading] = []
    levels: dict[tuple[str, bool], int] = {}
    over, title = (0, ""), (0, "")
    at = 0
    for line in content.splitlines(keepends=True):
        under = line.rstrip()
        framed = over[1] == under
        name = title[1].strip() if framed else title[1]  # only a framed one may be indented
        if _LINE.match(under) and len(under) >= len(name) and _is_title(name):
            level = levels.setdefault((under[0], framed), len(levels) + 1)
            start = over[0] if framed else title[0]
            found.append(Heading(start, level, name, at + len(line)))
            under = ""  # it belongs to this heading, and is not the line over another one
        over, title = title, (at, under)
        at += len(line)
    return found


def _is_title(line: str) -> bool:
    return may_be_heading(line) and any(char.isalnum() for char in line)
