"""Invisible text of a PDF, and text that is stamped across a page."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from self_evolution.documents.readers.pdf.words import Ink, Word, is_white, upright

_MOST_OBJECTS = 5_000  # of a page; where there are more, all text counts as seen
_STAMP = 1.5  # a slanted text so many times larger than the page's is a stamp


class _Cover(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float


def seen(page: Any, words: Sequence[Word], scanned: bool) -> list[Word]:
    """Return the visible words of the page that belong to its text.

    Invisible text over a scanned image is what was recognised in it, and stays. White text is seen
    where something dark is drawn.
    """
    odd = {word.font.ink for word in words} - {Ink.PLAIN}
    if not odd:
        return list(words)
    size = Counter(word.font.size for word in words).most_common(1)[0][0]
    covers = _covers(page) if Ink.WHITE in odd else []
    return [
        word
        for word in words
        if word.font.ink is Ink.PLAIN
        or (word.font.ink is Ink.NONE and scanned)
        or (word.font.ink is Ink.SLANTED and word.font.size <= _STAMP * size)
        or (word.font.ink is Ink.WHITE and (covers is None or _is_covered(word, covers)))
    ]


def _is_covered(word: Word, covers: Sequence[_Cover]) -> bool:
    x, y = upright(word.font.turn, (word.left + word.right) / 2, word.y + 0.3 * word.font.size)
    return any(one.left <= x <= one.right and one.bottom <= y <= one.top for one in covers)


def _covers(page: Any) -> list[_Cover] | None:
    """Return the areas of images and dark drawings; None if there are too many objects to tell."""
    count = pdfium.FPDFPage_CountObjects(page)
    if count > _MOST_OBJECTS:
        return None
    sides = [ctypes.c_float() for _ in range(4)]
    found = []
    for index in range(count):
        item = pdfium.FPDFPage_GetObject(page, index)
        kind = pdfium.FPDFPageObj_GetType(item)
        dark = kind != pdfium.FPDF_PAGEOBJ_TEXT and not (
            kind == pdfium.FPDF_PAGEOBJ_PATH and is_white(item)
        )
        if dark and pdfium.FPDFPageObj_GetBounds(item, *sides):
            found.append(_Cover(*(side.value for side in sides)))
    return found
