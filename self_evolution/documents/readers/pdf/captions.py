"""Captions of a PDF's tables, which are moved above their tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from self_evolution.documents.readers.pdf.floats import sunk
from self_evolution.documents.readers.pdf.lines import Line

_LABEL = re.compile(r"([^\W\d]+)\.?\s?(?P<number>\d+(?:[.\-–]\d+)*)[.:：]?(?:\s|$)")
_LEAST = 3  # captions that begin alike; fewer may be sentences
_MOSTLY = 0.6  # the share of lines with this beginning that must stand next to a table
_MORE_LINES = 4  # lines that a caption may have
_CLOSE = 1.4  # font sizes from foot to foot inside a caption


def at_their_tables(pages: Sequence[Sequence[Line]], leading: float) -> list[list[Line]]:
    """The pages with each table's caption above it and the table where the text has it.

    Where most captions stand below their tables, as printed books have them, they are moved, so
    that the rows are found by what they are. `pages` have tables as lines with `rows`, `leading`
    is the usual one, in font sizes.
    """
    below, above = Counter[str](), Counter[str]()
    for page in pages:
        for at, line in enumerate(page):
            if line.rows:
                below.update(_words(page[at + 1 : at + 2]))
                above.update(_words(page[at - 1 : at] if at else ()))
    word, count = (below + above).most_common(1)[0] if below or above else ("", 0)
    anywhere = sum(label == word for page in pages for label in _words(page))
    if count < _LEAST or count < _MOSTLY * anywhere:
        return [list(page) for page in pages]
    if below[word] > above[word]:
        pages = [_moved(page, word) for page in pages]
    label = re.compile(rf"{re.escape(word)}\.?\s?(?P<number>\d+(?:[.\-–]\d+)*)[.:：]?(?:\s|$)")
    return sunk(pages, label, leading)


def _words(lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        if match := _LABEL.match(line.text):
            yield match[1]


def _moved(page: Sequence[Line], label: str) -> list[Line]:
    found: list[Line] = []
    at = 0
    while at < len(page):
        count = _caption(page, at + 1, label) if page[at].rows else 0
        found += [*page[at + 1 : at + 1 + count], page[at]]
        at += 1 + count
    return found


def _caption(page: Sequence[Line], at: int, label: str) -> int:
    """Count the lines from `at` on that form a caption that begins with the label."""
    if label not in _words(page[at : at + 1]):
        return 0
    count = 1
    while count < _MORE_LINES and at + count < len(page):
        last, line = page[at + count - 1], page[at + count]
        drop = last.y - line.y
        if line.rows or line.size != last.size or not 0 < drop < _CLOSE * line.size:
            break
        count += 1
    return count
