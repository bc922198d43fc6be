"""Cells that span rows and columns, laid out as a table in which every cell exists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from self_evolution.documents.readers.base import table

_WASTE = 20  # cells that one cell of the source may become, on average


class Cell(NamedTuple):
    """The blocks in a cell, and the number of columns and rows that it spans."""

    blocks: list[str]
    wide: int
    high: int


class Row(NamedTuple):
    """A row of cells from left to right; `head`: it names the columns."""

    cells: list[Cell]
    head: bool


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table; empty if less than two rows and columns have any content."""
    grid = _grid(rows)
    columns = sorted({at for row in grid for at, text in enumerate(row) if text.strip()})
    filled = sum(any(text.strip() for text in row) for row in grid)
    if len(columns) < 2 or filled < 2:
        return ""
    lines = [[row[at] if at < len(row) else "" for at in columns] for row in grid]
    heads = 0
    while heads < len(rows) - 1 and rows[heads].head:
        heads += 1
    if heads > 1:
        lines[:heads] = [[_joined(texts) for texts in zip(*lines[:heads], strict=True)]]
    return table(lines)


def _grid(rows: Sequence[Row]) -> list[list[str]]:
    """The text by row and column; the text of a cell that spans several is in each of them."""
    count = sum(len(row.cells) for row in rows)
    limit = _WASTE * count + 1000
    area = sum(min(cell.wide, 1000) * min(cell.high, 1000) for row in rows for cell in row.cells)
    grid: list[list[str]] = []
    hanging: dict[int, tuple[int, str]] = {}  # column: rows still to fill, with what
    for row in rows:
        line: list[str] = []
        for cell in row.cells:
            _fill(line, hanging)
            text = " ".join(cell.blocks)
            wide, high = (cell.wide, cell.high) if area <= limit else (1, 1)
            for _ in range(wide):
                if high > 1:
                    hanging[len(line)] = (high - 1, text)
                line.append(text)
        _fill(line, hanging)
        grid.append(line)
    width = max((len(line) for line in grid), default=0)
    if width * len(grid) > limit:  # a single long row would make all others as long
        return [[" ".join(line)] for line in grid]
    return grid


def _fill(line: list[str], hanging: dict[int, tuple[int, str]]) -> None:
    """Add to a row the next cells that reach down from the rows above."""
    while (over := hanging.pop(len(line), None)) is not None:
        rows, text = over
        if rows > 1:
            hanging[len(line)] = (rows - 1, text)
        line.append(text)


def _joined(texts: Sequence[str]) -> str:
    return " ".join(dict.fromkeys(text for text in texts if text.strip()))
