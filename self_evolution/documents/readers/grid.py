"""Rows of cells as parts of a bounded size: tables, or records where cells hold long texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from self_evolution.documents.readers.base import Part, cell, normal, table

_ROWS = 200  # rows: most rows of a table in one part
_SIZE = 16_000  # characters: most characters of a table in one part
_LONG = 60  # characters: mean length of cells from which a table cannot be read
_LONGEST = 120  # characters: the same for the column with the longest cells
_WIDEST = 100  # columns: most columns of a table
_HEADER = 2_000  # characters: longest header that is repeated with each part
_NAME = 100  # characters: longest name of a column in a record
_DIGITS = 40  # characters: longest number; limits the time to test a cell
_NUMBER = re.compile(r"[-+]?[\d.,\u00a0 ]*\d[\d.,]*\s*%?$|\d{4}-\d\d-\d\d")


def parts(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    heading: tuple[str, ...] = (),
    start: int = 0,
) -> Iterator[Part]:
    """Tables with the header over each, or a part of `column: value` lines for each row.

    Records are for cells of 60 characters on average, or of 120 in one of the columns, and for
    tables too wide to be one. Offsets are those in all parts with a blank line between.
    """
    filled = [row for row in rows if any(one.strip() for one in row)]
    texts = _records(header, filled) if _is_long(header, filled) else _tables(header, filled)
    for text in map(normal, texts):
        yield Part(heading, text, start, start + len(text))
        start += len(text) + 2


def _is_long(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    if len(header) > _WIDEST or sum(map(len, header)) > _HEADER:
        return True
    counts, sizes = [0] * len(header), [0] * len(header)
    for row in rows[:1000]:
        for i, one in enumerate(row[: len(header)]):
            if one.strip():
                counts[i] += 1
                sizes[i] += len(one)
    averages = [size / count for size, count in zip(sizes, counts, strict=True) if count]
    return sum(sizes) > _LONG * sum(counts) or max(averages, default=0) > _LONGEST


def _tables(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    kept: list[Sequence[str]] = [header]
    size = 0
    for row in rows:
        length = sum(map(len, row))
        if len(kept) > _ROWS or (size and size + length > _SIZE):
            yield table(kept)
            kept, size = [header], 0
        kept.append(row)
        size += length
    if len(kept) > 1 or not rows:
        yield table(kept)


def _records(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    names = [" ".join(name.split())[:_NAME] for name in header]
    for row in rows:
        pairs = zip(names, row, strict=False)
        yield "\n".join(
            f"{name}: {one.strip()}" if name else one.strip() for name, one in pairs if one.strip()
        )


def is_header(row: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row names the columns: short, different texts, and no numbers, unlike other
    rows."""
    names = [cell(one) for one in row if one.strip()]
    if len(names) < max(1, len(row) // 2) or any(len(name) > _NAME for name in names):
        return False
    if len(set(names)) < len(names) or any(map(is_number, names)):
        return False
    return any(one.strip() for other in below for one in other)


def is_number(text: str) -> bool:
    """Whether a cell's text is a number, a percentage or a date."""
    return len(text) <= _DIGITS and bool(_NUMBER.match(text.strip()))
