"""Words in order: how much of a source's text and headings a reading has."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Sequence


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Scripts that set no spaces between words, and Korean, whose lines break between any syllables.
_SINGLE = (
    "\u0e00-\u0e7f\u2e80-\u2fdf\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff"
)
WORD = re.compile(rf"[{_SINGLE}]|[^\W_{_SINGLE}]+")
_LABELS = _names(
    """chapter appendix part section kapitel anhang teil abschnitt chapitre annexe partie
    глава приложение часть раздел one two three four five six seven eight nine ten
    eleven twelve thirteen fourteen fifteen 第 章 节 節 部 付 附 録 录 장 부 록 제"""
)
_CAPTIONS = _LABELS | _names(
    """table figure example tabelle abbildung beispiel tableau exemple таблица рисунок пример
    表 図 图 例"""
)


def words(text: str) -> list[str]:
    """Words in lower case, without punctuation; characters where a script has no spaces."""
    return WORD.findall(unicodedata.normalize("NFC", text).lower())


def bare(heading: str) -> tuple[str, ...]:
    """A heading's words without "Chapter 3" or "2.1", which some formats number themselves."""
    found = words(heading)
    at = 0
    while at < len(found) and (found[at] in _LABELS or _is_number(found[at])):
        at += 1
    return tuple(found[at:] or found[-1:])


def is_numbering(text: str) -> bool:
    """Whether a text is no more than "Table 2.1" or "3."."""
    return all(word in _CAPTIONS or _is_number(word) for word in words(text))


def _is_number(word: str) -> bool:
    return word.isdecimal() or (len(word) == 1 and word.isascii())


def common(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence: what both have in the same order.

    The rows of the usual table differ by 0 or 1 from place to place, so that a row fits the bits
    of one number (Hyyrö 2004): ten thousand million cells take a second or two.
    """
    where: dict[Hashable, list[int]] = {}
    for at, one in enumerate(first):
        where.setdefault(one, []).append(at)
    places = {one: _bits(some) for one, some in where.items()}
    row = full = (1 << len(first)) - 1
    for one in second:
        here = row & places.get(one, 0)
        row = (row + here | row - here) & full
    return len(first) - row.bit_count()


def _bits(places: Sequence[int]) -> int:
    """The number with these bits set."""
    found = bytearray(places[-1] // 8 + 1)
    for at in places:
        found[at // 8] |= 1 << at % 8
    return int.from_bytes(found, "little")


def pairs(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Places (in the first, in the second) of one longest common subsequence; for short ones."""
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in reversed(range(len(first))):
        for j in reversed(range(len(second))):
            longest = max(table[i + 1][j], table[i][j + 1])
            table[i][j] = table[i + 1][j + 1] + 1 if first[i] == second[j] else longest
    found = []
    i = j = 0
    while i < len(first) and j < len(second):
        if first[i] == second[j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif table[i + 1][j] >= table[i][j + 1]:
            i += 1
        else:
            j += 1
    return found
