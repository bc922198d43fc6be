"""Markdown: sections along its headings, which are kept as the path to the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from self_evolution.documents.readers.base import (
    Content,
    Heading,
    divide,
    left_out,
    may_be_heading,
    normal,
)
from self_evolution.documents.readers.encoding import decode
from self_evolution.documents.readers.plain.markup import seen

# All lines that can matter, found in one pass: a literal newline first makes the search fast, and
# the text gets one in front.
_MARK = re.compile(r"\n(?:(?P<level>#{1,6})[ \t]|(?P<rule>=+|-+)[ \t]*(?=\n|\Z))")
# Metadata; a rule and prose after it are none, so the first line must be a key.
_FRONT_MATTER = re.compile(
    r"\A(?:---[ \t]*\n(?=[\w-]+:)(?P<yaml>.*?\n)(?:---|\.\.\.)|"
    r"\+\+\+[ \t]*\n(?=[\w.-]+[ \t]*=|\[)(?P<toml>.*?\n)\+\+\+)[ \t]*(?:\n|\Z)",
    re.DOTALL,
)
_TITLE = re.compile(r"^title[ \t]*[:=][ \t]*([^\s|>].*?)[ \t]*$", re.MULTILINE)
_LONGEST = 1_000  # characters of a heading; what is longer is none, whatever stands before it
_MARKED = re.compile(r"[#{\[*]")
_CLOSING = re.compile(r"(?:^|[ \t])#+$")
_ATTRIBUTES = re.compile(r"[ \t]*\{[:#.][^{}]*\}$")
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")


def read(data: bytes) -> Content:
    """Sections of a Markdown file; offsets are those in its text as a reader sees it.

    The title is that of the front matter, or the first heading if it is of the first level. Lines
    of code are no headings; struck-out passages are counted in the note.
    """
    content, title = normal(decode(data)), ""
    if front := _FRONT_MATTER.match(content):
        found = _TITLE.search(front["yaml"] or front["toml"])
        title = found[1].strip("\"'") if found else ""
        # Empty lines in its stead keep the offsets of the rest.
        content = "\n" * front.end() + content[front.end() :]
    text, code, struck = seen(content)
    headings = _headings(text, code)
    if not title and headings and headings[0].level == 1:
        title = headings[0].text
    return Content(title, divide(text, headings), left_out(struck))


def _headings(content: str, code: Sequence[tuple[int, int]]) -> list[Heading]:
    found: list[Heading] = []
    blocks = iter([*code, (len(content) + 2, 0)])
    begin, stop = next(blocks)
    done = 0  # where the last heading or block of code ended
    for match in _MARK.finditer("\n" + content):
        start = match.start()  # of the line: the newline in front shifts all by one
        while begin <= start:
            done = max(done, stop)
            begin, stop = next(blocks)
        if start < done:
            continue
        end = content.find("\n", match.end() - 1) + 1 or len(content)
        if match["level"]:
            if name := heading_text(content[match.end() - 1 : end]):
                found.append(Heading(start, len(match["level"]), name, end))
                done = end
        elif heading := _underlined(content, start, end, match["rule"], done):
            found.append(heading)
            done = end
    return found


def _underlined(content: str, start: int, end: int, rule: str, done: int) -> Heading | None:
    """The heading whose line is the one from `start` to `end`, if the line before is its text."""
    before = content.rfind("\n", 0, max(start - 1, 0)) + 1
    line = content[before : start - 1] if start else ""
    if before < done or not may_be_heading(line) or not (name := heading_text(line)):
        return None
    return Heading(before, 1 if rule[0] == "=" else 2, name, end)


def heading_text(line: str) -> str:
    """Return a heading's line as a reader sees it: no closing signs, anchors, links or bold
    type."""
    if len(line) <= _LONGEST and _MARKED.search(line):
        line = _CLOSING.sub("", line.strip()).rstrip()
        line = _LINK.sub(r"\1", _ATTRIBUTES.sub("", line))
        line = _BOLD.sub(r"\1", line)
    return " ".join(line.split())
