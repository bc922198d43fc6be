"""Blocks of a Markdown text, found line by line: paragraphs, items, tables, fences, headings."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Kind = Literal["paragraph", "heading", "item", "more", "table", "fence"]


class Block(NamedTuple):
    """text[start:end], with the blank lines after it.

    `more` is a further paragraph of a list item. `depth` is the indentation in columns, `apart`
    says whether a blank line stands before it, `mark` is the fence that closes a fence.
    """

    kind: Kind
    start: int
    end: int
    depth: int = 0
    apart: bool = True
    mark: str = ""


# Three backticks with another one later in the line are code within a sentence.
_FENCE = re.compile(r"[ \t]*(```+(?=[^`]*$)|~~~+)")
_HEADING = re.compile(r"#{1,6}[ \t]*[^\s#]")
# A delimiter row has a bar; the header over it and the rows below it have one as well.
_DELIMITER = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
# Numbers and asterisks also without a space after them, as Chinese manuals have them.
_ITEM = re.compile(
    r"""[ \t]*(?:
        [-+•●○■◆▪‣⁃–—][ \t]+\S
      | [·①-⑳]
      | \*(?:[ \t]+\S|[^\s*][^*]*$)
      | [(（]?(?:\d{1,3}|[a-zA-Z])[)）](?=\s|[^\x00-\x7f])
      | \d{1,3}[.．、](?:[ \t]+\S|[^\d\s.])
    )""",
    re.VERBOSE,
)


def blocks(text: str) -> list[Block]:
    """The blocks of `text` in order; together they are the whole text."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    starts[-1] = len(text)
    found: list[Block] = []
    unclosed: dict[str, int] = {}
    at, listed, blank = 0, False, True
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            if found:
                found[-1] = found[-1]._replace(end=starts[at + 1])
            at, blank = at + 1, True
            continue
        begin = starts[at] if found else 0
        depth = _indentation(line)
        kind, size, mark = _kind(lines, at, unclosed)
        if kind == "paragraph":
            running = found and found[-1].kind in ("paragraph", "item", "more")
            if running and not blank:
                found[-1] = found[-1]._replace(end=starts[at + 1])
                at += 1
                continue
            listed = listed and depth >= 2
            kind = "more" if listed else "paragraph"
        elif kind == "item":
            listed = True
        found.append(Block(kind, begin, starts[at + size], depth, blank, mark))
        at, blank = at + size, False
    return found


def is_delimiter(line: str) -> bool:
    """Whether a line is the delimiter between a table's header row and its other rows."""
    return "|" in line and _DELIMITER.match(line) is not None


def _kind(lines: list[str], at: int, unclosed: dict[str, int]) -> tuple[Kind, int, str]:
    """(kind, number of lines, closing fence) of the block that begins at a line that is not
    blank."""
    line = lines[at]
    if (match := _FENCE.match(line)) and (size := _fence(lines, at, match[1], unclosed)):
        return "fence", size, match[1]
    if "|" in line and at + 1 < len(lines) and is_delimiter(lines[at + 1]):
        size = 2
        while at + size < len(lines) and "|" in lines[at + size]:
            size += 1
        return "table", size, ""
    if _HEADING.match(line):
        return "heading", 1, ""
    return "item" if _ITEM.match(line) else "paragraph", 1, ""


def _fence(lines: list[str], at: int, mark: str, unclosed: dict[str, int]) -> int:
    """The number of lines of the fence that begins at a line; 0 if it is none.

    Without a closing line, backticks reach to the end, and tildes are no fence but a drawn line.
    `unclosed` remembers fences without an end, so that many of them do not take quadratic time.
    """
    sign, length = mark[0], len(mark)
    if length < unclosed.get(sign, length + 1):
        for i in range(at + 1, len(lines)):
            line = lines[i].strip()
            if line.startswith(mark) and not line.strip(sign):
                return i + 1 - at
        unclosed[sign] = length
    return len(lines) - at if sign == "`" else 0


def _indentation(line: str) -> int:
    head = line[: len(line) - len(line.lstrip())]
    return len(head.expandtabs(4))
