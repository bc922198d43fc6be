"""Tables without a grid on a PDF's page: rows of texts that are aligned in columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from self_evolution.documents.readers.pdf.lines import Line, are_cjk

_LEAST = 3  # rows; two lines with a gap may be anything
_NEAR = 0.6  # font sizes that the texts of a column may be out of line
_FAR = 4.0  # font sizes from row to row at most


class _Cell(NamedTuple):
    text: str
    left: float
    right: float


def with_tables(lines: Sequence[Line]) -> list[Line]:
    """The lines, with one line that has `rows` in place of each run that is a table."""
    found: list[Line] = []
    at = 0
    while at < len(lines):
        run = _run(lines, at)
        wide = sum(bool(line.gaps) for line in lines[at : at + len(run)])
        if wide >= _LEAST and 2 * wide > len(run):
            first = lines[at]
            rows = _rows(run)
            found.append(first._replace(text="|", size=0.0, bold=False, gaps=(), rows=rows))
            at += len(run)
        else:
            found.append(lines[at])
            at += 1
    return found


def _run(lines: Sequence[Line], at: int) -> list[dict[int, str]]:
    """For each line of a table that begins at a line: its texts by column; empty if none does."""
    first = lines[at]
    if not first.gaps or first.mono or first.rows:
        return []
    columns = _cells(first)
    run = [{column: cell.text for column, cell in enumerate(columns)}]
    for above, line in pairwise(lines[at:]):
        if line.rows or line.mono or line.turn != first.turn:
            break
        if not 0 < above.y - line.y < _FAR * line.size:
            break
        cells = _placed(_cells(line), columns, line.size)
        # A text that stands below the first column only is no row: it follows the table.
        if not cells or list(cells) == [0]:
            break
        if 0 not in cells and abs(line.left - columns[min(cells)].left) > _NEAR * line.size:
            break
        run.append(cells)
    return run


def _placed(cells: Sequence[_Cell], columns: Sequence[_Cell], size: float) -> dict[int, str]:
    """The cells by the column that they stand under; empty if one stands under none."""
    found: dict[int, str] = {}
    near = _NEAR * size
    for cell in cells:
        for column, head in enumerate(columns):
            middle = (cell.left + cell.right - head.left - head.right) / 2
            offsets = (cell.left - head.left, cell.right - head.right, middle)
            if column not in found and any(abs(offset) < near for offset in offsets):
                found[column] = cell.text
                break
        else:
            return {}
    return found if list(found) == sorted(found) else {}


def _rows(run: Sequence[dict[int, str]]) -> tuple[tuple[str, ...], ...]:
    """Return rows of cells; a line without the first column continues the row above."""
    width = len(run[0])
    rows: list[list[str]] = []
    for cells in run:
        if 0 in cells:
            rows.append([cells.get(column, "") for column in range(width)])
            continue
        for column, text in cells.items():
            before = rows[-1][column]
            gap = "" if not before or are_cjk(before, text) else " "
            rows[-1][column] = f"{before}{gap}{text}"
    return tuple(map(tuple, rows))


def _cells(line: Line) -> list[_Cell]:
    places = [(0, line.left, line.left), *line.gaps, (len(line.text), line.right, line.right)]
    return [
        _Cell(line.text[start:end].strip(), left, right)
        for (start, _, left), (end, right, _) in pairwise(places)
    ]
