"""The result that readers return, and the helpers that several readers need."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from self_evolution.text.counts import many

_SURROGATE = re.compile("[\ud800-\udfff]")


class Malformed(Exception):
    """The file is not what its ending says. The message explains where and why, for people."""


class Part(NamedTuple):
    """Text under one heading path; `start` and `end` are character offsets in the document's text.

    The text is Markdown: paragraphs, lists, tables with a header row and fenced code, a blank line
    between them. `pages` are (offset in the part's text, page number), the first at offset 0;
    empty for formats without pages. The first `overlap` characters repeat the end of the part
    before, as they do in passages that were cut with an overlap.
    """

    heading: tuple[str, ...]
    text: str
    start: int
    end: int
    pages: tuple[tuple[int, int], ...] = ()
    overlap: int = 0


class Content(NamedTuple):
    """The content of a file. `note` describes for people what could not be read, if anything."""

    title: str
    parts: list[Part]
    note: str = ""


class Builder:
    """Makes parts from headings and blocks in the order in which a reader finds them.

    The document's text is all blocks with a blank line between; headings are no part of it.
    """

    def __init__(self) -> None:
        self._path: list[tuple[int, str]] = []
        self._blocks: list[str] = []
        self._pages: list[tuple[int, int]] = []
        self._parts: list[Part] = []
        self._at = 0
        self._size = 0
        self.struck = 0  # passages that are crossed out in the source, and left out here

    @property
    def note(self) -> str:
        """Describe for people what was left out; empty if nothing was."""
        return left_out(self.struck)

    def heading(self, level: int, text: str) -> None:
        """Put the text that follows under this heading; a blank heading is ignored."""
        name = " ".join(normal(text).split())
        if name:
            self.leave(level)
            self._path.append((level, name))

    def leave(self, level: int) -> None:
        """Close all headings of this level and deeper ones for the text that follows."""
        self._close()
        self._path = [(depth, above) for depth, above in self._path if depth < level]

    def block(self, text: str, page: int | None = None) -> None:
        """Add a paragraph, list, table or code block as Markdown, with the page it begins on."""
        text = normal(text).strip("\n").rstrip()
        if not text.strip():
            return
        offset = self._size + 2 if self._blocks else 0
        if page is not None and (not self._pages or self._pages[-1][1] != page):
            self._pages.append((offset if self._pages else 0, page))
        self._blocks.append(text)
        self._size = offset + len(text)

    def parts(self) -> list[Part]:
        """Return everything added so far, as one part for each heading with text."""
        self._close()
        return self._parts

    def _close(self) -> None:
        if self._blocks:
            text = "\n\n".join(self._blocks)
            heading = tuple(name for _, name in self._path)
            pages = tuple(self._pages)
            self._parts.append(Part(heading, text, self._at, self._at + len(text), pages))
            self._at += len(text) + 2
        self._blocks, self._pages, self._size = [], [], 0


def left_out(struck: int) -> str:
    """The note on that many crossed-out passages; empty for none."""
    return f"{many(struck, 'struck-out passage')} left out" if struck else ""


class Heading(NamedTuple):
    """A heading in a text: the heading begins at `start`, and the text under it at `body`."""

    start: int
    level: int
    text: str
    body: int


def divide(content: str, headings: Sequence[Heading]) -> list[Part]:
    """The text between the headings, in order; a heading without any text gives no part."""
    parts: list[Part] = []
    path: list[tuple[int, str]] = []
    starts = [*(heading.start for heading in headings), len(content)]
    parts += _part(content, (), 0, starts[0])
    for (_, level, text, body), end in zip(headings, starts[1:], strict=True):
        path = [(depth, name) for depth, name in path if depth < level] + [(level, text)]
        parts += _part(content, tuple(name for _, name in path), body, end)
    return parts


def may_be_heading(line: str) -> bool:
    """Whether a line may be the text of an underlined heading, and no list, table or comment."""
    return bool(line.strip()) and not line.startswith((" ", "\t", "#", ">", "-", "*", "|"))


def _part(content: str, heading: tuple[str, ...], start: int, end: int) -> list[Part]:
    raw = content[start:end]
    text = raw.strip()
    if not text:
        return []
    begin = start + len(raw) - len(raw.lstrip())
    return [Part(heading, text, begin, begin + len(text))]


def storable(text: str) -> str:
    """Replace lone surrogates in `text`, which UTF-8 cannot encode, by U+FFFD.

    They come from file names that are not UTF-8, and from escapes in JSON, such as U+D800.
    """
    return _SURROGATE.sub("\ufffd", text)


# Controls but tab and newline; what is invisible splits a word for a model.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u00ad\u200b\ufeff]")


def normal(text: str) -> str:
    """Normalise `text`: NFC, newlines only, no control or invisible characters."""
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0c", "\n")
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", storable(text)))


def cell(text: str) -> str:
    """The text of a table's cell on one line, in which a bar does not end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as a Markdown table; the first one is the header. Empty without any text."""
    width = max((len(row) for row in rows), default=0)
    lines = [
        "| " + " | ".join(cell(one) for one in [*row, *[""] * (width - len(row))]) + " |"
        for row in rows
        if any(one.strip() for one in row)
    ]
    if not lines:
        return ""
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def fence(code: str, language: str = "") -> str:
    """Code as a fenced block, whose fence is longer than any in it."""
    longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}{language}\n{code.strip(chr(10)).rstrip()}\n{mark}"
