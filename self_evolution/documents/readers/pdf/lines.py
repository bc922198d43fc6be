"""Lines of a PDF's page, made from its words by their positions."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from self_evolution.documents.readers.formulas import raised
from self_evolution.documents.readers.pdf.words import Font, Word

# Scripts written without spaces; Hangul has spaces.
CJK = "\u2e80-\u2fdf\u3001-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff9f"
CJK += "\U00020000-\U0003ffff"
_IS_CJK = re.compile(f"[{CJK}]")
_LEFTWARDS = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
# Raised texts that are exponents, though they are no mere number.
_SIGNED = re.compile(r"[+\-\u2212\u2013](?:\d[\d.,]*|[^\W\d])$")
_EXPONENT = re.compile(r"[^\W\d]$|\w{1,2}(?:[+\-\u2212\u2013*/]\w{1,3})+$")
_FRACTION = re.compile(r"\d{1,2}[/\u2044]\d{1,3}$")
_COLUMN = 3.0  # font sizes; a wider gap is seen as one between columns


class Line(NamedTuple):
    """A line of text; places are in points, `y` is the baseline and grows upwards.

    `first` is the width of its first word, `advance` that of a letter (0 if they differ),
    `gaps` are those between columns: (place in `text`, where one ends, where the next begins).
    A line that runs to the left, as in Hebrew and Arabic, has places from the right: as if the page
    were seen in a mirror. A table stands as one line, whose `rows` are its cells and whose `text`
    is a bar.
    """

    text: str
    page: int
    left: float
    right: float
    y: float
    size: float
    bold: bool
    mono: bool
    turn: int
    first: float
    advance: float
    gaps: tuple[tuple[int, float, float], ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def lines(words: Iterable[Word], page: int) -> list[Line]:
    """Return the words as lines, in the order of the file; a jump down, up or back begins a
    line."""
    found: list[Line] = []
    row: list[Word] = []
    for word in words:
        if row and not _follows(row, word):
            found.append(_line(row, page))
            row = []
        row.append(word)
    return [*found, _line(row, page)] if row else found


def _follows(row: list[Word], word: Word) -> bool:
    """Whether a word continues the row: as high as the last one, and not left of its end."""
    last = row[-1]
    size = max(last.font.size, word.font.size)
    if word.font.turn != last.font.turn:
        return False
    if word.left < last.right - size:
        level = abs(word.y - last.y) < 0.3 * size and not word.breaks
        return level and any(_LEFTWARDS.search(one.text) for one in (*row, word))
    if abs(word.y - last.y) < 0.3 * size:
        return True
    # Raised and lowered small letters stand close; the next line's beginning does not.
    near = word.left - last.right < size and abs(word.y - last.y) < 0.7 * size
    return near and word.font.size != last.font.size


def _line(row: Sequence[Word], page: int) -> Line:
    common, base = row[0].font, row[0]
    mono, bold = common.mono, common.bold
    if any(word.font is not common for word in row):
        fonts: Counter[Font] = Counter()
        for word in row:
            fonts[word.font] += len(word.text)
        common = max(fonts, key=fonts.__getitem__)
        chars = sum(fonts.values())
        mono = sum(count for font, count in fonts.items() if font.mono) >= 0.7 * chars
        bold = sum(count for font, count in fonts.items() if font.bold) >= 0.9 * chars
        base = next(word for word in row if word.font == common)
    advance = _advance(row) if mono else 0.0
    text, gaps = _spelled(row, advance)
    left, right = row[0].left, max(word.right for word in row)
    if not text.isascii() and _runs_left(text):
        left, right, gaps = -right, -min(word.left for word in row), ()
    return Line(
        text, page, left, right, base.y, common.size, bold, mono,
        common.turn, row[0].right - row[0].left, advance, gaps,
    )  # fmt: skip


def _advance(row: Sequence[Word]) -> float:
    """Return the width of a letter, by the longest word whose letters are all equally wide."""
    word = max(row, key=lambda word: len(word.text) if word.font.mono else 0)
    return (word.right - word.left) / len(word.text)


def _spelled(
    row: Sequence[Word], advance: float
) -> tuple[str, tuple[tuple[int, float, float], ...]]:
    """The row's text, and where in it columns begin; code keeps the width of its gaps."""
    text = row[0].text
    gaps = []
    for last, word in itertools.pairwise(row):
        size = max(last.font.size, word.font.size)
        gap = word.left - last.right
        if gap > _COLUMN * size:
            gaps.append((len(text), last.right, word.left))
        if advance > 0 and gap > 0.6 * advance:
            text += " " * min(max(1, round(gap / advance)), 120)
        elif word.glued and gap < 0.1 * size:
            text += _joined(last, word)
            continue
        elif gap >= 0.6 * size or not are_cjk(text, word.text):
            text += " "
        text += word.text
    return text, tuple(gaps)


def _joined(last: Word, word: Word) -> str:
    """A word without a space before it; 10^6 is not 106, nor `pump 2` pump2."""
    text, before = word.text, last.text
    if last.font.size > 1.15 * word.font.size and word.y > last.y + 0.1 * last.font.size:
        single = len(before) == 1 or not before[-2].isalnum()
        if _SIGNED.match(text) and (before[-1].isalnum() or before[-1] in ")]"):
            return raised(text)
        if before[-1].isdigit() and _FRACTION.match(text):
            return f" {text}"
        if before[-1].isalpha() and single and _EXPONENT.match(text):
            return raised(text)
        if not text[0].isdigit():
            return text
        return f"^{text}" if before[-1].isdigit() or len(before) == 1 else f" {text}"
    lower = last.y > word.y + 0.1 * word.font.size
    if word.font.size > 1.15 * last.font.size and lower and before.isdigit() and text[0].isalnum():
        return f" {text}"
    return text


def _runs_left(text: str) -> bool:
    """Whether most letters of a text are of scripts that run to the left."""
    letters = sum(map(str.isalpha, text))
    return 2 * len(_LEFTWARDS.findall(text)) > letters


def is_cjk(text: str) -> bool:
    """Whether a text begins in a script that has no spaces."""
    return bool(_IS_CJK.match(text))


def are_cjk(before: str, after: str) -> bool:
    """Whether a break between two texts is no space, as their script has none."""
    return is_cjk(before[-1:]) and is_cjk(after)
