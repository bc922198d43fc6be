"""Headings that only their numbers show: "1.2 Title", or 第一章, on lines of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from self_evolution.readers.base import Heading

# A short line between blank ones, at the margin; contents pages have dots and a page at its end.
_NUMBER = re.compile(r"\n\n(\d{1,3}(?:\.\d{1,3}){0,5})\.?[ \t]+(\S[^\n]{0,78})(?=\n\n)")
_CHAPTER = re.compile(
    r"\n(第[〇零一二三四五六七八九十百\d]{1,6}([编篇部章节回編節]))[^\n]{0,40}(?=\n)"
)
_NO_TITLE = re.compile(r"[.:;,。，；：！？?!]$|\.{3}|(?:\. ){3}|[ \t]\d+$|\t")
_FEWEST = 3


def numbered(content: str) -> list[Heading]:
    """The headings of a text whose numbers follow on from each other, else none.

    A numbered list has such lines as well: headings need text of their own between them.
    """
    padded = f"\n\n{content}\n\n"
    lines = [match for match in _NUMBER.finditer(padded) if not _NO_TITLE.search(match[2])]
    numbers = [tuple(map(int, match[1].split("."))) for match in lines]
    kept = [match for match, fits in zip(lines, _in_sequence(numbers), strict=True) if fits]
    if len(kept) < max(_FEWEST, 0.8 * len(lines)):
        return _chapters(content)
    bodies = sum(
        bool(padded[one.end() : other.start()].strip())
        for one, other in zip(kept, [*kept[1:], re.compile(r"\Z").search(padded)], strict=True)
        if other is not None
    )
    if bodies < len(kept) / 2:
        return []
    return [
        Heading(
            match.start(1) - 2,
            match[1].count(".") + 1,
            " ".join(match[0].split()),
            min(match.end() - 2, len(content)),
        )
        for match in kept
    ]


def _in_sequence(numbers: Sequence[tuple[int, ...]]) -> list[bool]:
    """Whether each number can come next after the last that did: 1, 1.1, 1.2, 2 but not 1, 3."""
    last: tuple[int, ...] = ()
    fits = []
    for number in numbers:
        depth = len(number)
        if depth == len(last) + 1:
            good = number[:-1] == last and number[-1] <= 1
        else:
            good = depth <= len(last) and number == (*last[: depth - 1], last[depth - 1] + 1)
        fits.append(good)
        if good:
            last = number
    return fits


def _chapters(content: str) -> list[Heading]:
    """Lines like 第三章 or 第二节, each kind a level in the order in which they appear."""
    found = []
    levels: dict[str, int] = {}
    for match in _CHAPTER.finditer(f"\n{content}\n"):
        if not _NO_TITLE.search(match[0]):
            level = levels.setdefault(match[2], len(levels) + 1)
            end = min(match.end() - 1, len(content))
            found.append(Heading(match.start(1) - 1, level, match[0].strip(), end))
    return found if len(found) >= _FEWEST else []
