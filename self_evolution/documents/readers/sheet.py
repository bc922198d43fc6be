"""XLSX: the visible sheets' tables, with values as the sheet shows them."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from self_evolution.documents.readers import grid, packed
from self_evolution.documents.readers.base import Content, Malformed, Part
from self_evolution.documents.readers.number_formats import shown

if TYPE_CHECKING:
    from openpyxl import Workbook

_ROWS = 1 << 20  # the most that a sheet has; what claims a larger number is no sheet
_COLUMNS = 1_000  # of a sheet; what is right of them is left out with a note
_HEADER = 50  # rows among which the header is
_MERGED = 20_000  # cells that get the value of the one they are merged with
# A formula without a value: written by a program that did not compute it.
_NO_VALUE = re.compile(rb"(?:</f>|<f[^<>]*/>)\s*(?:<v>\s*</v>|<v\s*/>)?\s*</c>")
_MERGE = re.compile(rb'<mergeCell ref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')
# Rows and columns that the sheet does not show.
_HIDDEN = re.compile(rb'<(?:\w+:)?(row|col)\s[^<>]{0,400}?\bhidden="(?:1|true)"[^<>]{0,400}>')
_PLACE = re.compile(rb'\s(r|min|max)="(\d{1,7})"')


class _Layout(NamedTuple):
    """{row: {column from 0: whether it is the first}} of cells that are merged downwards, the
    hidden rows from 1, and the hidden columns from 0.
    """

    merged: dict[int, dict[int, bool]]
    rows: set[int]
    columns: set[int]


def read(data: bytes) -> Content:
    """Return a part for about 200 rows of each visible sheet, under the sheet's name.

    Formulas appear as their stored values, or as formulas if they have none. Raises Malformed if
    the file is no XLSX file.
    """
    packed.check(data, "XLSX", "xl/workbook.xml")
    book = _workbook(data, values=True)
    formulas = _workbook(data, values=False) if _lacks_values(data) else None
    parts: list[Part] = []
    notes = []
    hidden = [sheet.title for sheet in book.worksheets if sheet.sheet_state != "visible"]
    if hidden:
        notes.append(f"hidden sheets left out: {', '.join(hidden)}")
    for sheet in book.worksheets:
        if sheet.sheet_state == "visible":
            layout = _layout(sheet)
            rows, cut = _rows(sheet, formulas[sheet.title] if formulas else None, layout)
            start = parts[-1].end + 2 if parts else 0
            parts += _parts(rows, " ".join(sheet.title.split()), start)
            if layout.rows or layout.columns:
                notes.append(f"hidden rows or columns left out: {sheet.title}")
            if cut:
                notes.append(f"columns after {_COLUMNS} left out: {sheet.title}")
    return Content(str(book.properties.title or "").strip(), parts, "; ".join(notes))


def first_table(data: bytes) -> list[list[str]]:
    """The rows of the first visible sheet that has any, the header among them. Raises Malformed."""
    packed.check(data, "XLSX", "xl/workbook.xml")
    sheets = _workbook(data, values=True).worksheets
    tables = (_rows(one, None, _layout(one))[0] for one in sheets if one.sheet_state == "visible")
    return next(filter(None, tables), [])


def _workbook(data: bytes, values: bool) -> Workbook:
    import openpyxl

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about extensions that hold no text
        try:
            return openpyxl.load_workbook(
                io.BytesIO(data), read_only=True, data_only=values, keep_links=False
            )
        except Exception as error:  # whatever a broken file leads the library to
            raise Malformed(f"broken XLSX ({error})") from None


def _lacks_values(data: bytes) -> bool:
    return any(_NO_VALUE.search(piece) for piece in _sheets(data))


def _sheets(data: bytes) -> Iterator[bytes]:
    """The sheets' XML in pieces that overlap, so that nothing of interest is cut."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                end = b""
                with archive.open(name) as member:
                    while piece := member.read(1 << 20):
                        yield end + piece
                        end = piece[-200:]


def _rows(sheet: Any, formulas: Any, layout: _Layout) -> tuple[list[list[str]], bool]:
    """Rows of cells' texts without the empty ones at the end of each, and whether any was cut."""
    found: list[list[str]] = []
    last: dict[int, str] = {}  # by column: the value that merged cells below get
    cut = False
    for each in (sheet, formulas):
        if each is not None:
            each.reset_dimensions()  # what a sheet says about its size may be wrong
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about dates out of range
        try:
            others = formulas.iter_rows() if formulas is not None else iter(())
            for number, row in enumerate(islice(sheet.iter_rows(), _ROWS), 1):
                texts = _texts(row, next(others, ()))
                for column, is_first in layout.merged.get(number, {}).items():
                    texts += [""] * (column + 1 - len(texts))
                    if is_first:
                        last[column] = texts[column]
                    texts[column] = texts[column] or last.get(column, "")
                texts = [
                    "" if i in layout.columns or number in layout.rows else text
                    for i, text in enumerate(texts)
                ]
                while texts and not texts[-1]:
                    texts.pop()
                if texts:
                    found.append(texts[:_COLUMNS])
                cut = cut or len(texts) > _COLUMNS
        except Exception as error:  # whatever a broken file leads the library to
            raise Malformed(f"broken sheet {sheet.title} ({error})") from None
    return found, cut


def _texts(row: Sequence[Any], formulas: Sequence[Any]) -> list[str]:
    texts = [shown(one.value, str(one.number_format or "")) for one in row]
    for i, one in enumerate(formulas[: len(texts)]):
        if not texts[i] and one.value is not None and one.data_type == "f":
            texts[i] = str(getattr(one.value, "text", one.value) or "")  # of an array formula
    return texts


def _layout(sheet: Any) -> _Layout:
    """Read hidden rows and columns, and merged cells, from the sheet's XML."""
    from openpyxl.utils import range_boundaries

    found = _Layout({}, set(), set())
    cells = 0
    end = b""
    with sheet._get_source() as member:
        while piece := member.read(1 << 20):
            for match in _MERGE.finditer(end + piece):
                left, top, _, bottom = range_boundaries(match[1].decode())
                cells += bottom - top + 1
                if left <= _COLUMNS and bottom > top and cells <= _MERGED:
                    for row in range(top, bottom + 1):
                        found.merged.setdefault(row, {})[left - 1] = row == top
            for match in _HIDDEN.finditer(end + piece):
                numbers = {name: int(number) for name, number in _PLACE.findall(match[0])}
                if match[1] == b"row":
                    found.rows.update(filter(None, [numbers.get(b"r")]))
                else:
                    last = min(numbers.get(b"max", 0), _COLUMNS)
                    found.columns.update(range(numbers.get(b"min", 1) - 1, last))
            end = piece[-500:]
    return found


def _parts(rows: Sequence[Sequence[str]], name: str, start: int) -> Iterator[Part]:
    """Yield a sheet's parts; rows above the header are lines of text."""
    if not rows:
        return
    used = sorted({i for row in rows for i, one in enumerate(row) if one})
    if len(used) < max(map(len, rows)):  # columns between that are for the looks
        rows = [[row[i] for i in used if i < len(row)] for row in rows]
    width = max(sum(map(bool, row)) for row in rows[:_HEADER])
    texts = [sum(bool(one) and not grid.is_number(one) for one in row) for row in rows[:_HEADER]]
    first = next((i for i, count in enumerate(texts) if count > width / 2), None)
    if first is None or (len(rows) > 1 and first == len(rows) - 1):
        first, header = 0, _letters(used)
        body = rows
    else:
        header, body = list(rows[first]), rows[first + 1 :]
        widest = max(map(len, rows[first:]))
        header += [""] * (widest - len(header))
    if first:
        above = "\n\n".join(" ".join(filter(None, row)) for row in rows[:first])
        yield Part((name,), above, start, start + len(above))
        start += len(above) + 2
    yield from grid.parts(header, body, (name,), start)


def _letters(columns: Sequence[int]) -> list[str]:
    from openpyxl.utils import get_column_letter

    return [get_column_letter(i + 1) for i in columns]
