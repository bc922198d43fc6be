"""Rows of Markdown tables that are too long for a piece."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

from self_evolution.documents.chunking.blocks import is_delimiter
from self_evolution.documents.chunking.tokens import Count, forced

_BAR = re.compile(r"(?<!\\)\|")
_ESCAPED = "\x1d"  # in place of \| while a cell is cut, so that no cut falls into it


def is_head(lead: str) -> bool:
    """Whether a lead is a table's header row and delimiter row."""
    lines = lead.rstrip("\n").split("\n")
    return len(lines) == 2 and is_delimiter(lines[1])


def cells(row: str, head: str, limit: int, count: Count) -> Iterator[tuple[int, int, str]]:
    """(start, end, row) of the rows that replace one that is too long below `head`.

    Each has a part of the cells' text, every one in its own column; the other cells are empty.
    """

    def size(filled: list[str]) -> int:
        return count([head + _row(filled)])[0]

    spans = _spans(row)
    empty = [""] * len(spans)
    filled, begin, end = list(empty), 0, 0
    for column, (start, stop) in enumerate(spans):
        cell = row[start:stop]
        trial = [*filled[:column], cell, *filled[column + 1 :]]
        if size(trial) <= limit:
            filled, end = trial, stop
            continue
        if any(filled):
            yield begin, end, _row(filled)
            begin = end

        def alone(part: str, column: int = column) -> int:
            return size(_one(empty, column, part))

        parts = list(_parts(cell, limit, alone))
        at = start
        for part in parts[:-1]:
            at += len(part)
            yield begin, at, _row(_one(empty, column, part))
            begin = at
        filled, end = _one(empty, column, parts[-1]), stop
    yield begin, len(row), _row(filled)


def _parts(cell: str, limit: int, size: Callable[[str], int]) -> Iterator[str]:
    def restored_size(part: str) -> int:
        return size(_restored(part))

    for part in forced(cell.replace("\\|", _ESCAPED), limit, restored_size):
        yield _restored(part)


def _restored(part: str) -> str:
    return part.replace(_ESCAPED, "\\|")


def _one(empty: list[str], column: int, cell: str) -> list[str]:
    return [*empty[:column], cell, *empty[column + 1 :]]


def _row(filled: list[str]) -> str:
    return "| " + " | ".join(cell.strip() for cell in filled) + " |\n"


def _spans(row: str) -> list[tuple[int, int]]:
    """(start, end) of the text of each cell, without the space around it."""
    bare = row.strip()
    offset = row.index(bare)
    bars = [match.start() for match in _BAR.finditer(bare)]
    edges = [-1, *bars, len(bare)]
    if bare.startswith("|"):
        edges = edges[1:]
    if len(edges) > 2 and edges[-2] == len(bare) - 1:
        edges = edges[:-1]
    spans = []
    for left, right in itertools.pairwise(edges):
        cell = bare[left + 1 : right]
        start = offset + left + 1 + len(cell) - len(cell.lstrip())
        spans.append((start, start + len(cell.strip())))
    return spans
