"""Tables of a PDF's page that are drawn as a grid of lines."""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium

from self_evolution.documents.readers.pdf.words import Word

_THIN = 2.5  # points: a thinner box is a line, and ends that are closer are one place
_SIDE = 10  # points: least distance of a line to a side that is not drawn
_MOST_OBJECTS = 20_000  # objects on a page; more are a drawing
_MOST_RULES = 10_000  # lines on a page, before lines that touch are joined
_MOST_JOINED = 400  # lines on a page, after lines that touch are joined


class Rule(NamedTuple):
    """A line along `at` from `low` to `high`, in points."""

    at: float
    low: float
    high: float


class Grid(NamedTuple):
    """A table's columns (left to right) and rows (bottom to top), and the lines between them."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    across: tuple[Rule, ...]
    down: tuple[Rule, ...]

    def holds(self, word: Word) -> bool:
        """Whether the middle of a word is inside the table."""
        x, y = _middle(word)
        return self.xs[0] < x < self.xs[-1] and self.ys[0] < y < self.ys[-1]


def grids(page: Any, turn: int) -> list[Grid]:
    """Grids of at least two rows and two columns. A frame around code is none.

    `turn` is how far the page's text is turned, in quarters; the grids are turned like it.
    """
    across, down = _rules(page)
    if len(across) < 3 or not down:
        return []
    across, down = _joined(across), _joined(down)
    if len(across) < 3 or max(len(across), len(down)) > _MOST_JOINED:
        return []
    across, down = _turned(across, down, turn)
    found = []
    for group in _crossing(across, down):
        flat = tuple(across[i] for i in group if i < len(across))
        steep = tuple(down[i - len(across)] for i in group if i >= len(across))
        if len(flat) < 3 or not steep:
            continue
        ys = _places(rule.at for rule in flat)
        steep += _open_sides(flat, steep, ys)
        xs = _places(rule.at for rule in steep)
        if len(xs) > 2 and len(ys) > 2:
            found.append(Grid(xs, ys, flat, steep))
    return found


def _open_sides(
    flat: Sequence[Rule], steep: Sequence[Rule], ys: Sequence[float]
) -> tuple[Rule, ...]:
    """Sides where no line is drawn, but most lines across reach further than those down."""
    low = Counter(round(rule.low) for rule in flat).most_common(1)[0]
    high = Counter(round(rule.high) for rule in flat).most_common(1)[0]
    inner = [rule.at for rule in steep]
    found = []
    if low[1] > len(flat) / 2 and low[0] < min(inner) - _SIDE:
        found.append(Rule(low[0], ys[0], ys[-1]))
    if high[1] > len(flat) / 2 and high[0] > max(inner) + _SIDE:
        found.append(Rule(high[0], ys[0], ys[-1]))
    return tuple(found)


def cells(grid: Grid, words: Iterable[Word]) -> list[list[list[Word]]]:
    """Words of each cell by row, from the top, and column. Merged cells have them in the first."""
    rows, columns = len(grid.ys) - 1, len(grid.xs) - 1
    owner = _owners(grid, rows, columns)
    found: list[list[list[Word]]] = [[[] for _ in range(columns)] for _ in range(rows)]
    for word in words:
        x, y = _middle(word)
        column = min(max(bisect_right(grid.xs, x) - 1, 0), columns - 1)
        row = rows - 1 - min(max(bisect_right(grid.ys, y) - 1, 0), rows - 1)
        row, column = owner[row][column]
        found[row][column].append(word)
    return found


def _owners(grid: Grid, rows: int, columns: int) -> list[list[tuple[int, int]]]:
    """For each cell the cell it is joined to: no line parts it from the one left or above."""
    owner = [[(row, column) for column in range(columns)] for row in range(rows)]
    for row in range(rows):
        high, low = grid.ys[rows - row], grid.ys[rows - row - 1]
        for column in range(columns):
            left, right = grid.xs[column], grid.xs[column + 1]
            if column and not _parted(grid.down, left, (low + high) / 2):
                owner[row][column] = owner[row][column - 1]
            elif row and not _parted(grid.across, high, (left + right) / 2):
                owner[row][column] = owner[row - 1][column]
    return owner


def _parted(rules: Sequence[Rule], at: float, place: float) -> bool:
    return any(abs(rule.at - at) <= _THIN and rule.low <= place <= rule.high for rule in rules)


def _middle(word: Word) -> tuple[float, float]:
    return (word.left + word.right) / 2, word.y + word.font.size / 4


def _places(values: Iterable[float]) -> tuple[float, ...]:
    """Values in order, where nearly equal ones count as one."""
    places: list[float] = []
    for value in sorted(values):
        if not places or value - places[-1] > _THIN:
            places.append(value)
    return tuple(places)


def _crossing(across: Sequence[Rule], down: Sequence[Rule]) -> list[list[int]]:
    """Groups of lines that touch; a number past those across is one down."""
    parent = list(range(len(across) + len(down)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, flat in enumerate(across):
        for j, steep in enumerate(down, len(across)):
            inside = flat.low - _THIN <= steep.at <= flat.high + _THIN
            if inside and steep.low - _THIN <= flat.at <= steep.high + _THIN:
                parent[root(i)] = root(j)
    groups: dict[int, list[int]] = {}
    for i in range(len(parent)):
        groups.setdefault(root(i), []).append(i)
    return list(groups.values())


def _joined(rules: list[Rule]) -> list[Rule]:
    """Merge lines that overlap or continue each other."""
    found: list[Rule] = []
    for rule in sorted(rules, key=lambda rule: (round(rule.at), rule.low)):
        last = found[-1] if found else None
        if last and abs(rule.at - last.at) <= 1 and rule.low <= last.high + 1:
            found[-1] = Rule(last.at, last.low, max(rule.high, last.high))
        else:
            found.append(rule)
    return found


def _turned(across: list[Rule], down: list[Rule], turn: int) -> tuple[list[Rule], list[Rule]]:
    """The lines as they stand once the page is turned; see `words` for the coordinates."""
    minus = [[Rule(-at, low, high) for at, low, high in rules] for rules in (across, down)]
    back = [[Rule(at, -high, -low) for at, low, high in rules] for rules in (across, down)]
    if turn == 1:
        return minus[1], back[0]
    if turn == 2:
        turned = [[Rule(-at, -high, -low) for at, low, high in rules] for rules in (across, down)]
        return turned[0], turned[1]
    return (back[1], minus[0]) if turn == 3 else (across, down)


def _rules(page: Any) -> tuple[list[Rule], list[Rule]]:
    """Straight lines of a page, across and down; a box counts with its four sides."""
    across: list[Rule] = []
    down: list[Rule] = []
    sides = [ctypes.c_float() for _ in range(4)]
    places = [ctypes.byref(side) for side in sides]
    for index in range(min(pdfium.FPDFPage_CountObjects(page), _MOST_OBJECTS)):
        item = pdfium.FPDFPage_GetObject(page, index)
        if pdfium.FPDFPageObj_GetType(item) != pdfium.FPDF_PAGEOBJ_PATH:
            continue
        if not pdfium.FPDFPageObj_GetBounds(item, *places):
            continue
        left, bottom, right, top = (side.value for side in sides)
        if top - bottom <= _THIN < right - left:
            across.append(Rule((top + bottom) / 2, left, right))
        elif right - left <= _THIN < top - bottom:
            down.append(Rule((left + right) / 2, bottom, top))
        elif top - bottom > _THIN:
            _add_path(item, across, down, (left, bottom, right, top))
        if len(across) > _MOST_RULES or len(down) > _MOST_RULES:
            return [], []
    return across, down


def _add_path(
    item: Any,
    across: list[Rule],
    down: list[Rule],
    bounds: tuple[float, float, float, float],
) -> None:
    """Adds the straight lines of a path; four lines are the box itself."""
    left, bottom, right, top = bounds
    count = pdfium.FPDFPath_CountSegments(item)
    if 4 <= count <= 6:
        across += [Rule(bottom, left, right), Rule(top, left, right)]
        down += [Rule(left, bottom, top), Rule(right, bottom, top)]
        return
    if not 4 < count <= 4 * _MOST_RULES:
        return
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(item, ctypes.byref(matrix))
    x, y = ctypes.c_float(), ctypes.c_float()
    last = (0.0, 0.0)
    for index in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(item, index)
        pdfium.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y))
        at = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_LINETO:
            wide, high = abs(at[0] - last[0]), abs(at[1] - last[1])
            if high <= 0.1 and wide > _THIN:
                across.append(Rule(at[1], min(at[0], last[0]), max(at[0], last[0])))
            elif wide <= 0.1 and high > _THIN:
                down.append(Rule(at[0], min(at[1], last[1]), max(at[1], last[1])))
        elif kind == pdfium.FPDF_SEGMENT_BEZIERTO:
            return
        last = at
