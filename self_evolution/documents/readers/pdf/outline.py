"""The outline of a PDF and its title, and their places on the pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from self_evolution.documents.readers.pdf.furniture import bare
from self_evolution.documents.readers.pdf.lines import Line, are_cjk

LONGEST = 250  # characters of a heading
MORE_LINES = 4  # lines that a heading may have
_FILE = re.compile(r"\.\w{2,5}$")
_MOST_ENTRIES = 10_000
_MOST_SEARCHED = 1_000  # lines of a page that are searched for the text of an entry


class Entry(NamedTuple):
    """An entry of the outline: `level` from 1, the page's index, and the height if it is stated."""

    level: int
    title: str
    page: int
    y: float | None


def outline(document: Any) -> list[Entry]:
    """The entries of a document's outline that lead to a page, in order."""
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


def title(pages: Sequence[Sequence[Line]], given: str, body: float) -> str:
    """The title that a document says it has, if its first pages have it too or there is none in
    large letters on the first page; else that one. Programs often say a file's name.
    """
    given = " ".join(given.split())
    front = bare("".join(line.text for page in pages[:5] for line in page))
    if bare(given) and bare(given) in front:
        return given
    first = [line for line in (pages[0] if pages else ()) if not line.rows and not line.turn]
    size = max((line.size for line in first), default=0.0)
    if size > 1.3 * body:
        largest = next(i for i, line in enumerate(first) if line.size == size)
        count = 1
        while largest + count < len(first) and first[largest + count].size == size:
            count += 1
        text = joined(first[largest : largest + count])
        if count <= MORE_LINES and len(text) <= LONGEST and any(map(str.isalpha, text)):
            return text
    return given if " " in given and not _FILE.search(given) else ""


def place(
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
    """Count the lines from `at` on that spell the title, without a number before it; 0 if none
    do."""
    text = ""
    for count, line in enumerate(page[at : at + MORE_LINES], 1):
        if line.rows or len(line.text) > 2 * LONGEST:
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


def joined(lines: Sequence[Line]) -> str:
    """The text of a heading's lines."""
    text = lines[0].text
    for line in lines[1:]:
        text += line.text if are_cjk(text, line.text) else " " + line.text
    return text
