"""Headings of a PDF: from its outline if it has one, else from the size and weight of lines."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from self_evolution.documents.readers.pdf.furniture import bare
from self_evolution.documents.readers.pdf.lines import Line, is_cjk
from self_evolution.documents.readers.pdf.outline import LONGEST, MORE_LINES, Entry, joined, place

_NUMBERED = re.compile(r"^(?:[A-Z]|\d{1,3})((?:\.\d{1,3})*)\.?(?=\s|[\u3000-\u9fff])")
_DEEP = re.compile(r"^(?:[A-Z]|\d{1,2})(?:\.\d{1,2}){1,4}\.?\s+[^\W\d]")
_CAPTION = re.compile(r"^[^\W\d]+\.?\s?\d+(?:[.\-–]\d+)*(?:\W|$)")
_STEP = 8  # levels of numbers within one level of styles


class Style(NamedTuple):
    """The look of a heading, from the largest to the smallest."""

    size: float
    bold: bool


class Heading(NamedTuple):
    """A heading that takes `lines` lines of the page from one on, or none and stands before it.

    Levels say no more than which heading is above which.
    """

    level: int
    text: str
    lines: int


Places = dict[tuple[int, int], list[Heading]]
"""(page's index, line's index) -> headings there."""


def body_size(pages: Sequence[Sequence[Line]]) -> float:
    """The size in points of most characters outside code."""
    sizes: Counter[float] = Counter()
    for line in (line for page in pages for line in page):
        sizes[line.size] += 1 if line.mono else 2 * len(line.text)
    return max(sizes, key=sizes.__getitem__) if sizes else 10.0


def headings(pages: Sequence[Sequence[Line]], entries: Sequence[Entry]) -> Places:
    """The headings of pages of lines: entries of the outline at their lines, and lines that look
    like headings. Without an outline the looks decide alone.
    """
    body = body_size(pages)
    found: Places = {}
    taken: set[tuple[int, int]] = set()
    looks: dict[Style, Counter[int]] = defaultdict(Counter)
    for entry in entries:
        if not 0 <= entry.page < len(pages):
            continue
        page, at, count = place(pages, entry, taken)
        taken |= {(page, at + i) for i in range(count)}
        if count:
            looks[_style(pages[page][at])][entry.level] += 1
        found.setdefault((page, at), []).append(Heading(entry.level * _STEP, entry.title, count))
    seen = [
        (page, at, count)
        for page, at, count in _looking(pages, body)
        if not any((page, at + i) in taken for i in range(count))
        # Where there is an outline, bold lines as large as the text are terms, notes and the like.
        and (not entries or pages[page][at].size > 1.08 * body)
    ]
    seen = _without_letters(pages, seen)
    if entries:
        # A line that is repeated again and again, or stands on a title page, is no heading either.
        front = min(entry.page for entry in entries)
        seen = [one for one in seen if one[0] >= front or _style(pages[one[0]][one[1]]) in looks]
        seen = _without_repeated(pages, seen)
    else:
        seen = _without_terms(pages, _without_imprint(pages, seen), body)
        if sum(bool(_depth(pages[page][at])) for page, at, _ in seen) > 0.6 * len(seen):
            seen = _without_repeated(pages, seen)
    deepest = max((entry.level for entry in entries), default=0)
    levels = _levels([pages[page][at] for page, at, _ in seen], looks, deepest)
    least: dict[Style, int] = {}
    for page, at, _ in seen:
        line = pages[page][at]
        if depth := _depth(line):
            least[_style(line)] = min(depth, least.get(_style(line), depth))
    for page, at, count in seen:
        style = _style(pages[page][at])
        # Headings of several levels may have one style; then only their numbers tell the level.
        deeper = max(0, _depth(pages[page][at]) - least.get(style, 0))
        level = levels[style] * _STEP + min(deeper, _STEP - 1)
        text = joined(pages[page][at : at + count])
        found.setdefault((page, at), []).append(Heading(level, text, count))
    return found


def _without_letters(
    pages: Sequence[Sequence[Line]], seen: list[tuple[int, int, int]]
) -> list[tuple[int, int, int]]:
    """Leave out headings of one letter, if there are several: they divide an index."""
    letters = {
        (page, at)
        for page, at, count in seen
        if count == 1 and len(bare(pages[page][at].text)) == 1 and not is_cjk(pages[page][at].text)
    }
    return [one for one in seen if one[:2] not in letters] if len(letters) > 2 else seen


def _without_repeated(
    pages: Sequence[Sequence[Line]], seen: list[tuple[int, int, int]]
) -> list[tuple[int, int, int]]:
    """Leave out headings that are repeated often, as above notes and warnings."""
    again = Counter(bare(pages[page][at].text) for page, at, _ in seen)
    return [one for one in seen if again[bare(pages[one[0]][one[1]].text)] < 3]


def _without_imprint(
    pages: Sequence[Sequence[Line]], seen: list[tuple[int, int, int]]
) -> list[tuple[int, int, int]]:
    """Remove headings whose style occurs on the first page only (authors, dates), except those in
    the largest style, which is the title's.
    """
    styles = [_style(pages[page][at]) for page, at, _ in seen]
    elsewhere = {style for style, (page, _, _) in zip(styles, seen, strict=True) if page}
    largest = max(styles, default=None)
    return (
        [
            one
            for style, one in zip(styles, seen, strict=True)
            if one[0] or style in elsewhere or style == largest
        ]
        if elsewhere
        else seen
    )


def _without_terms(
    pages: Sequence[Sequence[Line]], seen: list[tuple[int, int, int]], body: float
) -> list[tuple[int, int, int]]:
    """Without bold lines as large as the text, if they are many and unlike most headings have no
    number: those are terms that a manual explains.
    """
    numbered = [bool(_depth(pages[page][at])) for page, at, _ in seen]
    larger = [pages[page][at].size > 1.08 * body for page, at, _ in seen]
    sure = [number for number, large in zip(numbered, larger, strict=True) if large or number]
    if not 10 <= len(sure) < len(seen) / 2 or sum(sure) < 0.6 * len(sure):
        return seen
    checked = zip(seen, numbered, larger, strict=True)
    return [one for one, number, large in checked if number or large]


def _style(line: Line) -> Style:
    return Style(round(line.size * 2) / 2, line.bold)


def _looking(pages: Sequence[Sequence[Line]], body: float) -> Iterator[tuple[int, int, int]]:
    """(page, line, lines) of text that looks like a heading: larger, or bold and alone."""
    for index, page in enumerate(pages):
        at = 0
        while at < len(page):
            count = _height(page, at, body)
            if count:
                yield index, at, count
            at += max(count, 1)


def _height(page: Sequence[Line], at: int, body: float) -> int:
    """Count the lines from `at` on that look like one heading."""
    first = page[at]
    if not _may_be(first, body):
        return 0
    count = 1
    while at + count < len(page):
        line, above = page[at + count], page[at + count - 1]
        same = _style(line) == _style(first) and line.turn == first.turn
        if not same or not 0 < above.y - line.y < 1.6 * first.size:
            break
        if _NUMBERED.match(line.text) and _NUMBERED.match(first.text):
            break
        count += 1
    text = joined(page[at : at + count])
    if count > MORE_LINES or len(text) > LONGEST or not any(char.isalpha() for char in text):
        return 0
    if first.size > 1.08 * body:
        return count
    return count if _stands_alone(page, at, count) else 0


def _may_be(line: Line, body: float) -> bool:
    if line.turn or line.rows or len(line.text) > LONGEST or ". . ." in line.text:
        return False
    larger = line.size > 1.08 * body and (line.bold or line.size > 1.15 * body)
    if larger and (line.bold or not line.mono):
        return True
    # `Table 2`, `Step 3` as large as the text are captions, and no headings.
    strong = (line.bold and not _CAPTION.match(line.text)) or bool(_DEEP.match(line.text))
    return strong and line.size >= 0.95 * body


def _stands_alone(page: Sequence[Line], at: int, count: int) -> bool:
    """Whether bold lines of the text's size have space around and do not end a sentence."""
    first, last = page[at], page[at + count - 1]
    if last.text[-1] in ".,;:。，；：" or first.gaps or first.mono or len(first.text) < 3:
        return False
    above, below = (page[at - 1] if at else None), page[at + count : at + count + 1]
    if above is not None and 0 <= above.y - first.y < 1.45 * max(first.size, above.size):
        return False
    return bool(below) and 0 < last.y - below[0].y < 4 * last.size and not below[0].bold


def _levels(
    lines: Sequence[Line], known: dict[Style, Counter[int]], deepest: int
) -> dict[Style, int]:
    """A level for each style: as in the outline, else by size below the outline's deepest."""
    levels: dict[Style, int] = {}
    level = 0
    for style in sorted({*map(_style, lines), *known}, reverse=True):
        level = known[style].most_common(1)[0][0] if style in known else max(level, deepest) + 1
        levels[style] = level
    return levels


def _depth(line: Line) -> int:
    """Return how deep the number of a heading is: 2 for `3.2 Ports`, 0 without one."""
    match = _NUMBERED.match(line.text)
    return match[1].count(".") + 1 if match else 0
