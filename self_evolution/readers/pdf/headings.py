"""Headings of a PDF: from its outline where it has one, else from the size and weight of lines."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from self_evolution.readers.pdf.furniture import bare
from self_evolution.readers.pdf.lines import Line, are_cjk

_NUMBERED = re.compile(r"^(?:[A-Z]|\d{1,3})((?:\.\d{1,3})*)\.?(?=\s|[\u3000-\u9fff])")
_FILE = re.compile(r"\.\w{2,5}$")
_DEEP = re.compile(r"^(?:[A-Z]|\d{1,2})(?:\.\d{1,2}){1,4}\.?\s+[^\W\d]")
_CAPTION = re.compile(r"^[^\W\d]+\.?\s?\d+(?:[.\-–]\d+)*(?:\W|$)")
_STEP = 8  # levels of numbers within one level of styles
_MOST_ENTRIES = 10_000
_MOST_SEARCHED = 1_000  # lines of a page for an entry's text
_LONGEST = 250  # characters of a heading
_MORE_LINES = 4  # a heading may go over so many lines


class Entry(NamedTuple):
    """An entry of the outline: `level` from 1, the page's index, and the height if it says so."""

    level: int
    title: str
    page: int
    y: float | None


class Style(NamedTuple):
    """How a heading looks, from the largest to the smallest."""

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


def outline(document: Any) -> list[Entry]:
    """The entries of a document's outline that lead to a page, in order."""
    import pypdfium2.raw as pdfium

    found = []
    for count, mark in enumerate(document.get_toc(max_depth=12)):
        if count == _MOST_ENTRIES:
            break
        target = mark.get_dest()
        page = target.get_index() if target else None
        title = " ".join(mark.get_title().split())
        if target is None or page is None or not bare(title):
            continue
        mode, view = target.get_view()
        place = {pdfium.PDFDEST_VIEW_XYZ: 1, pdfium.PDFDEST_VIEW_FITH: 0}.get(mode)
        y = view[place] if place is not None and len(view) > place else None
        found.append(Entry(mark.level + 1, title, page, y))
    return found


def title(pages: Sequence[Sequence[Line]], said: str, body: float) -> str:
    """The title that a document says it has, if its first pages have it too or there is none in
    large letters on the first page; else that one. Programs often say a file's name.
    """
    said = " ".join(said.split())
    front = bare("".join(line.text for page in pages[:5] for line in page))
    if bare(said) and bare(said) in front:
        return said
    first = [line for line in (pages[0] if pages else ()) if not line.rows and not line.turn]
    size = max((line.size for line in first), default=0.0)
    if size > 1.3 * body:
        largest = next(i for i, line in enumerate(first) if line.size == size)
        count = 1
        while largest + count < len(first) and first[largest + count].size == size:
            count += 1
        text = joined(first[largest : largest + count])
        if count <= _MORE_LINES and len(text) <= _LONGEST and any(map(str.isalpha, text)):
            return text
    return said if " " in said and not _FILE.search(said) else ""


def body_size(pages: Sequence[Sequence[Line]]) -> float:
    """The size in points that most characters have, code aside."""
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
        page, at, count = _place(pages, entry, taken)
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
    if entries:
        # So are those that say the same again and again, and what is on a title page.
        front = min(entry.page for entry in entries)
        seen = [one for one in seen if one[0] >= front or _style(pages[one[0]][one[1]]) in looks]
        again = Counter(bare(pages[page][at].text) for page, at, _ in seen)
        seen = [one for one in seen if again[bare(pages[one[0]][one[1]].text)] < 3]
    else:
        seen = _without_terms(pages, _without_imprint(pages, seen), body)
    deepest = max((entry.level for entry in entries), default=0)
    levels = _levels([pages[page][at] for page, at, _ in seen], looks, deepest)
    least: dict[Style, int] = {}
    for page, at, _ in seen:
        line = pages[page][at]
        if depth := _depth(line):
            least[_style(line)] = min(depth, least.get(_style(line), depth))
    for page, at, count in seen:
        style = _style(pages[page][at])
        # One style may serve several depths, which only the numbers tell apart.
        deeper = max(0, _depth(pages[page][at]) - least.get(style, 0))
        level = levels[style] * _STEP + min(deeper, _STEP - 1)
        text = joined(pages[page][at : at + count])
        found.setdefault((page, at), []).append(Heading(level, text, count))
    return found


def _without_imprint(
    pages: Sequence[Sequence[Line]], seen: list[tuple[int, int, int]]
) -> list[tuple[int, int, int]]:
    """Without the authors, dates and the like on the first page: styles that only it has, but for
    the largest, which is the title's.
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


def joined(lines: Sequence[Line]) -> str:
    """The text of a heading's lines."""
    text = lines[0].text
    for line in lines[1:]:
        text += line.text if are_cjk(text, line.text) else " " + line.text
    return text


def _style(line: Line) -> Style:
    return Style(round(line.size * 2) / 2, line.bold)


def _place(
    pages: Sequence[Sequence[Line]], entry: Entry, taken: set[tuple[int, int]]
) -> tuple[int, int, int]:
    """(page, line, lines) of an entry's text, the nearest to where it leads; lines is 0 if its
    text is not there, and the line the first one below.
    """
    title = bare(entry.title)
    for index in (entry.page, entry.page + 1):
        if index >= len(pages):
            break
        page = pages[index][:_MOST_SEARCHED]
        matches = [
            (abs(line.y - entry.y) if entry.y is not None else at, at, count)
            for at, line in enumerate(page)
            if (index, at) not in taken and (count := _matched(page, at, title))
        ]
        if matches:
            _, at, count = min(matches)
            return index, at, count
    page = pages[entry.page]
    below = (at for at, line in enumerate(page) if entry.y is None or line.y < entry.y)
    return entry.page, next(below, len(page)), 0


def _matched(page: Sequence[Line], at: int, title: str) -> int:
    """How many lines from `at` on spell the title, a number before it aside; 0 if none do."""
    text = ""
    for count, line in enumerate(page[at : at + _MORE_LINES], 1):
        if len(line.text) > 2 * _LONGEST:
            return 0
        text += bare(line.text)
        short = re.sub(r"^\D{0,10}?\d+(?=\D)", "", text)
        if title in (text, short, text.lstrip("0123456789")):
            return count
        if (
            not title.startswith(text)
            and not text.endswith(title)
            and not any(
                title.startswith(part) for part in (short, text.lstrip("0123456789")) if part
            )
        ):
            return 0
    return 0


def _looking(pages: Sequence[Sequence[Line]], body: float) -> Iterator[tuple[int, int, int]]:
    """(page, line, lines) of what looks like a heading: larger than the text, or bold and alone."""
    for index, page in enumerate(pages):
        at = 0
        while at < len(page):
            count = _height(page, at, body)
            if count:
                yield index, at, count
            at += max(count, 1)


def _height(page: Sequence[Line], at: int, body: float) -> int:
    """How many lines from `at` on look like one heading."""
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
    if count > _MORE_LINES or len(text) > _LONGEST or not any(char.isalpha() for char in text):
        return 0
    if first.size > 1.08 * body:
        return count
    return count if _stands_alone(page, at, count) else 0


def _may_be(line: Line, body: float) -> bool:
    if line.turn or line.rows or len(line.text) > _LONGEST or ". . ." in line.text:
        return False
    larger = line.size > 1.08 * body and (line.bold or line.size > 1.15 * body)
    if larger and (line.bold or not line.mono):
        return True
    # `Table 2`, `Step 3` as large as the text are captions, and no headings.
    strong = (line.bold and not _CAPTION.match(line.text)) or bool(_DEEP.match(line.text))
    return strong and line.size >= 0.95 * body


def _stands_alone(page: Sequence[Line], at: int, count: int) -> bool:
    """Whether bold lines of the text's size have space around and no sentence's end."""
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
    """How deep the number of a heading is: 2 for `3.2 Ports`, 0 without one."""
    match = _NUMBERED.match(line.text)
    return match[1].count(".") + 1 if match else 0
