"""Tables that float to the top of the next page of a PDF, away from their place in the text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple

from self_evolution.documents.readers.pdf.lines import CJK, Line, is_cjk

_WORD = re.compile(rf"[{CJK}]+|[^\W\d_{CJK}]{{3,}}")
_APART = 1.15  # so many usual distances of lines part blocks
_LEAST = 0.1  # a block must have this share of the weight of its caption's words


class _Float(NamedTuple):
    """The first lines of a page that are a caption and its table; `height` is in points."""

    caption: str
    name: str
    lines: int
    height: float


def sunk(
    pages: Sequence[Sequence[Line]], label: re.Pattern[str], leading: float
) -> list[list[Line]]:
    """The pages with tables that float brought back to the page before, behind their block.

    A table floats if it opens a page under a caption, which `label` matches, with its number as a
    group. Its block is the one that names it or else has most of the caption's words, of
    those below which there was no room. `leading` is the usual one, in font sizes.
    """
    found = [list(page) for page in pages]
    captions = [line.text for page in pages for line in page if label.match(line.text)]
    common = Counter(word for caption in captions for word in set(_words(caption)))
    before: list[Line] = []
    for page in found:
        while before and (one := _first(page, label)):
            at = _place(before, one, common, leading)
            if not at:
                break
            y = before[at - 1].y
            before[at:at] = [line._replace(y=y) for line in page[: one.lines]]
            del page[: one.lines]
        before = page or before  # if a page had only such tables, it is empty now
    return found


def _first(page: Sequence[Line], label: re.Pattern[str]) -> _Float | None:
    """The table that opens a page, if it has a caption."""
    match = label.match(page[0].text) if page else None
    table = next((at for at, line in enumerate(page[:6]) if line.rows), 0)
    if not match or not table:
        return None
    caption = " ".join(line.text for line in page[:table])
    height = max(page[table].y, page[0].y) - page[table + 1].y if len(page) > table + 1 else inf
    number = match["number"]
    # Only `2.3` says enough without the word before it.
    name = caption[: match.end("number")] if number.isdecimal() else number
    return _Float(caption, name, table + 1, height)


def _place(page: Sequence[Line], one: _Float, common: Counter[str], leading: float) -> int:
    """The line of the page before after which a table belongs; 0 if no block there names it."""
    bottom = min(line.y for line in page)
    # Tables that float keep their order.
    least = max((at for at, line in enumerate(page) if line.rows), default=-1) + 1
    blocks = [
        (end, "\n".join(line.text for line in page[start:end]))
        for start, end in _blocks(page, leading)
        if end >= max(least, 1) and page[end - 1].y - bottom < one.height
    ]
    named = re.compile(rf"(?<![\d.]){re.escape(one.name)}(?!\.?\d)")
    words = set(_words(one.caption))
    weights = {word: 1 / common[word] for word in words if common[word]}
    here = Counter(word for _, text in blocks for word in words.intersection(_words(text)))
    best, place = _LEAST * sum(weights.values()), 0
    for end, text in blocks:
        if named.search(text):
            return end
        there = words.intersection(_words(text))
        weight = sum(weights.get(word, 0.0) / here[word] for word in there)
        if weight >= best:
            best, place = weight, end
    return place


def _blocks(page: Sequence[Line], leading: float) -> Iterator[tuple[int, int]]:
    """(first line, the line after the last one) of blocks with space around them."""
    start = 0
    for at in range(1, len(page) + 1):
        if at < len(page):
            above, line = page[at - 1], page[at]
            # A heading without the text below it is no block.
            near = above.size > 1.08 * line.size or 0 <= above.y - line.y < _APART * leading * max(
                above.size, line.size
            )
            if near and not above.rows and not line.rows:
                continue
        yield start, at
        start = at


def _words(text: str) -> Iterator[str]:
    """The words of a text in lower case; pairs of characters where there are no spaces."""
    for match in _WORD.finditer(text.lower()):
        word = match[0]
        if is_cjk(word):
            yield from map("".join, pairwise(word))
        else:
            yield word
