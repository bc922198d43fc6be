"""Headings that are recognised by numbers alone: "1.2 Title", "Chapter 3. Title", or 第一章."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from self_evolution.documents.readers.base import Heading

_UNITS = "编篇部章节回編節장절부"
# A short block between blank lines, at the margin or in the middle of the line; a word before the
# number or a character after it may say what is counted.
_NUMBER = re.compile(
    r"\n\n(?:[ ]{0,3}|[ ]{8,60})(?P<head>(?P<label>[^\W\d_]{1,15}[ \xa0]?)??"
    r"(?P<number>\d{1,3}(?:\.\d{1,3}){0,5}|[A-Z](?:(?:\.\d{1,3}){1,5}|(?=[.:])))"
    rf"(?:[ \xa0]?(?P<unit>[{_UNITS}])[.:]?[ \t\xa0]*|[.:]?[ \t\xa0]+)"
    r"(?P<title>[^\s][^\n]{0,110}(?:\n[^\s][^\n]{0,80}){0,3}))(?=\n\n)"
)
_CHAPTER = re.compile(
    rf"\n(第[ ]?[〇零一二三四五六七八九十百\d]{{1,6}}[ ]?([{_UNITS}]))[^\n]{{0,40}}(?=\n)"
)
_NO_TITLE = re.compile(r"[.:;,。，；：、]$|[ .…]{3,}\d+$|[ \t]{2,}\d+$|\t")
_RULE = re.compile(r"\n[-=~^*_]{3,}$")  # a line that is drawn under some headings
_FEWEST = 3
_LETTER = 1_000  # chapter A is the first after all that have numbers


class _Line(NamedTuple):
    """A line that may be a heading; `label` is the word beside the number."""

    match: re.Match[str]
    number: tuple[int, ...]
    label: str


def numbered(content: str) -> list[Heading]:
    """The headings of a text whose numbers follow on from each other, else none.

    A numbered list has such lines as well: headings need text of their own between them, and
    where chapters are called so, a bare number begins no other one.
    """
    padded = f"\n\n{content}\n\n"
    lines = _consistent([_line(match) for match in _NUMBER.finditer(padded)])
    kept = [line for line, fits in zip(lines, _in_sequence(lines), strict=True) if fits]
    deep = sum(len(line.number) > 1 for line in kept)
    if len(kept) < max(_FEWEST, (0.5 if deep >= _FEWEST else 0.8) * len(lines)):
        return _chapters(content)
    ends = [*(line.match.start() for line in kept[1:]), len(padded)]
    bodies = sum(
        bool(padded[line.match.end() : end].strip()) for line, end in zip(kept, ends, strict=True)
    )
    if bodies < len(kept) / 2:
        return []
    return [
        Heading(
            line.match.start("head") - 2,
            len(line.number),
            " ".join(_RULE.sub("", line.match["head"]).split()),
            min(line.match.end() - 2, len(content)),
        )
        for line in kept
    ]


def _line(match: re.Match[str]) -> _Line:
    first, *rest = match["number"].split(".")
    number = int(first) if first.isdecimal() else _LETTER + ord(first) - ord("A") + 1
    label = (match["label"] or "").strip() + (match["unit"] or "")
    return _Line(match, (number, *map(int, rest)), label)


def _consistent(lines: Sequence[_Line]) -> list[_Line]:
    """The lines that can be titles and say what they count as most do: no figures, no list items.

    What stands twice stands in a table of contents first.
    """
    lines = [line for line in lines if not _NO_TITLE.search(line.match["title"])]
    last = {line.match["head"].split()[-1] + str(line.number): line for line in lines}
    lines = [
        line for line in lines if last[line.match["head"].split()[-1] + str(line.number)] is line
    ]
    deep = Counter(line.label for line in lines if len(line.number) > 1).most_common(1)
    lines = [line for line in lines if len(line.number) == 1 or line.label == deep[0][0]]
    best: list[_Line] = []
    tops = Counter(line.label for line in lines if len(line.number) == 1)
    for label, _ in tops.most_common(5):
        some = [
            line
            for line in lines
            if len(line.number) > 1 or line.label == label or line.number[0] > _LETTER
        ]
        if sum(_in_sequence(some)) > sum(_in_sequence(best)):
            best = some
    return best or lines


def _in_sequence(lines: Sequence[_Line]) -> list[bool]:
    """Whether each number can come next after the last that did: 1, 1.1, 1.2, 2 but not 1, 3.

    Below the first level one or two may be missing, whose lines are not like the others.
    """
    last: tuple[int, ...] = ()
    fits = []
    for line in lines:
        number, depth = line.number, len(line.number)
        gap = 3 if depth > 1 or line.label else 1
        if depth == len(last) + 1:
            good = number[:-1] == last and (number[-1] <= gap or number[-1] == _LETTER + 1)
        else:
            good = (
                depth <= len(last)
                and number[:-1] == last[: depth - 1]
                and (
                    0 < number[-1] - last[depth - 1] <= gap
                    or (last[0] < _LETTER and number[-1] == _LETTER + 1)
                )
            )
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
