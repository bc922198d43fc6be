"""Tables of contents in a plain text: runs of lines that are repeated later as headings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

_BULLETS = "-+*•●○■◆o·"
_BULLET = re.compile(rf"[{_BULLETS}][ \t]+")
# "Chapter 3." and 第3章 in the text may be "3." in the table.
_LABEL = re.compile(r"(?:[^\W\d_]{1,15}[ \xa0]?)?(?P<number>\d{1,3}|[A-Z](?=[.:]))")
_UNIT = re.compile(r"[ \xa0]?[编篇部章节回編節장절부][ \xa0.:]?")
_PAGE = re.compile(r"(?:[ \xa0]*[.…·][ \xa0.…·]+|[ \xa0]{2,}|\t)\d{1,4}$")
_BLOCK = re.compile(r"^(?:[^\S\n]*\S.*\n?)+", re.MULTILINE)
_NO_LETTERS = re.compile(r"[\W_]+")

_CLOSING = ".:;,。：；，"  # signs that end sentences, but not headings

_LONGEST = 120  # characters of a line; a longer one stands in no table
_KEY = 24  # letters at the beginning of a line by which it is compared with others
_FEWEST = 3  # lines of a table whose lines have numbers
_BARE = 8  # lines of a table whose lines have no numbers
_LINES = 6  # lines that a heading or an entry may have
_SHARE = 0.8  # the share of a table's lines that must come again
_APART = 2.5  # lines of text that each heading has, on average: else it is a list that comes again


class _Block(NamedTuple):
    """text[start:end], lines between blank ones: the number of the first, and what tells it."""

    start: int
    end: int
    first: int
    key: str


class _Entry(NamedTuple):
    """A line of a table, with those that it goes on in, and the block that is its heading."""

    text: str
    place: int


def without_contents(text: str) -> str:
    """Return a text without its tables of contents: lines that are repeated later in their
    order."""
    blocks: list[_Block] = []
    count = 0
    for match in _BLOCK.finditer(text):
        start, end = match.span()
        stop = text.find("\n", start, end)
        line = text[start : stop if stop >= 0 else end].strip()
        blocks.append(_Block(start, end, count, _key(line) if len(line) <= _LONGEST else ""))
        count += text.count("\n", start, end - 1) + 1
    again = {block.key: number for number, block in enumerate(blocks)}
    again[""] = -1
    kept, done = [], 0
    for first, last in _runs(blocks, again):
        some = blocks[first : last + 1]
        ended = sum(text[block.start : block.end].rstrip()[-1] in _CLOSING for block in some)
        if ended <= len(some) / 2 and _is_table(text, blocks, _entries(text, some, again, last)):
            start = _titled(text, blocks, first)
            kept.append(text[done : blocks[start].start])
            done = blocks[last].end
    return "".join([*kept, text[done:]]) if kept else text


def _key(line: str) -> str:
    """The beginning of `_spoken`, or of the line itself where it has no number: that is quicker."""
    if line[0] in _BULLETS and (match := _BULLET.match(line)):
        line = line[match.end() :]
    if line[-1].isdecimal():
        line = _PAGE.sub("", line)
    return _spoken(line[: 3 * _KEY])[:_KEY] if _LABEL.match(line) else line[:_KEY]


def _spoken(line: str) -> str:
    """The letters and digits of an entry or heading, without a bullet, a label and a page."""
    if line[-1].isdecimal():
        line = _PAGE.sub("", line)
    if line[0] in _BULLETS and (match := _BULLET.match(line)):
        line = line[match.end() :]
    if match := _LABEL.match(line):
        rest = line[match.end() :]
        unit = _UNIT.match(rest)
        line = f"{match['number']} {rest[unit.end() :] if unit else rest}"
    return _NO_LETTERS.sub("", line)


def _runs(blocks: Sequence[_Block], again: dict[str, int]) -> Iterator[tuple[int, int]]:
    """(first, last) of the blocks in a row that each come again later, at least by their key."""
    start = -1
    for number, block in enumerate(blocks):
        if again[block.key] > number:
            start = number if start < 0 else start
        elif start >= 0:
            yield start, number - 1
            start = -1


def _entries(text: str, blocks: Sequence[_Block], again: dict[str, int], last: int) -> list[_Entry]:
    """The entries of what may be a table that ends with the block `last`."""
    found: list[_Entry] = []
    for block in blocks:
        for line in text[block.start : block.end].splitlines():
            bare = line.strip()
            place = again.get(_key(bare) if len(bare) <= _LONGEST else "", -1)
            if place > last or not found:
                found.append(_Entry(bare, place))
            else:
                found[-1] = found[-1]._replace(text=f"{found[-1].text} {bare}")
    return found


def _is_table(text: str, blocks: Sequence[_Block], entries: Sequence[_Entry]) -> bool:
    numbered = sum(_LABEL.match(_BULLET.sub("", one.text, count=1)) is not None for one in entries)
    if len(entries) < (_FEWEST if numbered > len(entries) / 2 else _BARE):
        return False
    places = []
    for entry in entries:
        if entry.place >= 0 and entry.text[-1] not in _CLOSING:
            block = blocks[entry.place]
            heading = " ".join(text[block.start : block.end].split("\n", _LINES)[:_LINES])
            if _spoken(heading.strip()).startswith(_spoken(entry.text)):
                places.append(block.first)
    titled = len(places) > 1 and places[0] > places[1]
    if titled:
        places = places[1:]  # the title of the table, which others have as well
    rising = sum(one < other for one, other in pairwise(places))
    return (
        len(places) >= max(_SHARE * (len(entries) - titled), _FEWEST - titled)
        and rising >= _SHARE * (len(places) - 1)
        and places[-1] - places[0] >= _APART * len(places)
    )


def _titled(text: str, blocks: Sequence[_Block], first: int) -> int:
    """Return where a titled table begins: at a short line without a number between two blank
    ones."""
    if first < 2:
        return first
    title = text[blocks[first - 1].start : blocks[first - 1].end].strip()
    is_title = len(title) <= 40 and title[0].isalpha() and not _LABEL.match(title)
    return first - 1 if is_title and "\n" not in title and title[-1] not in _CLOSING else first
