"""What readers give, and what several of them need."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_SURROGATE = re.compile("[\ud800-\udfff]")


class Malformed(Exception):
    """The file is not what its ending says; the message says where and why, for people."""


class Part(NamedTuple):
    """Text under one heading path; `start` and `end` are character offsets in the file's text.

    For formats that are converted first (HTML), the offsets are those in the converted text.
    """

    heading: tuple[str, ...]
    text: str
    start: int
    end: int


class Heading(NamedTuple):
    """A heading in a text: it stands at `start`, and what it heads begins at `body`."""

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
    """`text` with U+FFFD for lone surrogates, which no file or database in UTF-8 can hold.

    They come from file names that are not UTF-8, and from escapes like \\ud800 in JSON.
    """
    return _SURROGATE.sub("\ufffd", text)
