"""Plain text and reStructuredText: sections along underlined or numbered headings."""

from __future__ import annotations

import re

from self_evolution.documents.readers.base import (
    Content,
    Heading,
    Part,
    divide,
    may_be_heading,
    normal,
)
from self_evolution.documents.readers.encoding import decode
from self_evolution.documents.readers.plain.contents import without_contents
from self_evolution.documents.readers.plain.margins import flush
from self_evolution.documents.readers.plain.numbered import numbered
from self_evolution.documents.readers.plain.wrapped import mended, unpaged

# A line of one character; in front of it a newline, which makes the search fast. The marks of the
# second group are common in prose and code, so they must be longer to count.
_RULE = re.compile(r"""\n(?:([=\-~^"'])\1*|([#*+`.:_])\2{3,})[ \t]*(?=\n|\Z)""")


def read(data: bytes) -> Content:
    """Sections of a text file; offsets are those in its decoded, normalised and mended text.

    Mended is what printers leave in a text: headers and footers of pages, a margin, contents pages,
    and the line breaks within sentences of Chinese and Japanese.
    """
    return Content(*sections(mended(without_contents(flush(normal(unpaged(decode(data))))))))


def sections(content: str) -> tuple[str, list[Part]]:
    """Title and sections of a normalised text.

    A lone heading of the first level is the title, as in reStructuredText. `#` begins a comment
    and `~~~~` is a line: neither heading nor fence. Numbers make headings where lines make few.
    """
    drawn, counted = _underlined(content), numbered(content)
    # A few lines may be drawn to divide the text of a book whose headings have numbers.
    headings = counted if len(counted) > 1.5 * len(drawn) else drawn
    top = [heading.text for heading in headings if heading.level == 1]
    return top[0] if len(top) == 1 else "", divide(content, headings)


def _underlined(content: str) -> list[Heading]:
    """Titles with a line under them, or also over them, that is at least as long.

    Each way of drawing the lines is a level, in the order in which they appear.
    """
    found: list[Heading] = []
    levels: dict[tuple[str, bool], int] = {}
    used = -1  # where the line under the last heading begins: it is not the line over another one
    for match in _RULE.finditer("\n" + content):
        rule, start = match[0].strip(), match.start()  # the newline in front shifts all by one
        above, title = _line_before(content, start)
        over, line = _line_before(content, above)
        framed = line == rule and over != used
        name = title.strip() if framed else title  # only a framed one may be indented
        if above in (start, used) or len(rule) < len(name) or not _is_title(name):
            continue
        level = levels.setdefault((rule[0], framed), len(levels) + 1)
        end = min(start + len(match[0]), len(content))
        found.append(Heading(over if framed else above, level, " ".join(name.split()), end))
        used = start
    return found


def _line_before(content: str, at: int) -> tuple[int, str]:
    """Start and text of the line before the one that begins at `at`; (at, "") for the first."""
    if at == 0:
        return 0, ""
    start = content.rfind("\n", 0, at - 1) + 1
    return start, content[start : at - 1].rstrip()


def _is_title(line: str) -> bool:
    return may_be_heading(line) and any(char.isalnum() for char in line)
