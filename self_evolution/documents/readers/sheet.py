"""XLSX: the visible sheets' tables, with values as the sheet shows them."""

from __future__ import annotations

import datetime
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from self_evolution.documents.readers import grid, packed
from self_evolution.documents.readers.base import Content, Malformed, Part

if TYPE_CHECKING:
    from openpyxl import Workbook

_ROWS = 1 << 20  # the most that a sheet has; what claims a larger number is no sheet
_COLUMNS = 1_000  # of a sheet; what is right of them is left out with a note
_HEADER = 50  # rows among which the header is
_MERGED = 20_000  # cells that get the value of the one they are merged with
# A formula without a value: written by a program that did not compute it.
_NO_VALUE = re.compile(rb"(?:</f>|<f[^<>]*/>)\s*(?:<v>\s*</v>|<v\s*/>)?\s*</c>")
_MERGE = re.compile(rb'<mergeCell ref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')


def read(data: bytes) -> Content:
    """A part for each 200 rows or so of each visible sheet, under the sheet's name.

    Formulas are their stored values; those without any are the formulas themselves. Raises
    Malformed for what is no such file.
    """
    packed.check(data, "XLSX", "xl/workbook.xml")
    shown = _workbook(data, values=True)
    formulas = _workbook(data, values=False) if _lacks_values(data) else None
    parts: list[Part] = []
    notes = []
    hidden = [sheet.title for sheet in shown.worksheets if sheet.sheet_state != "visible"]
    if hidden:
        notes.append(f"hidden sheets left out: {', '.join(hidden)}")
    for sheet in shown.worksheets:
        if sheet.sheet_state == "visible":
            rows, cut = _rows(sheet, formulas[sheet.title] if formulas else None)
            start = parts[-1].end + 2 if parts else 0
            parts += _parts(rows, " ".join(sheet.title.split()), start)
            if cut:
                notes.append(f"columns after {_COLUMNS} left out: {sheet.title}")
    return Content(str(shown.properties.title or "").strip(), parts, "; ".join(notes))


def table_rows(data: bytes) -> list[list[str]]:
    """All rows of the first visible sheet that has any, as texts. Raises Malformed."""
    packed.check(data, "XLSX", "xl/workbook.xml")
    for sheet in _workbook(data, values=True).worksheets:
        if sheet.sheet_state == "visible" and (rows := _rows(sheet, None)[0]):
            return rows
    return []


def _workbook(data: bytes, values: bool) -> Workbook:
    import warnings

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


def _rows(sheet: Any, formulas: Any) -> tuple[list[list[str]], bool]:
    """Rows of cells' texts without the empty ones at the end of each, and whether any was cut."""
    import warnings

    merged = _merged(sheet)
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
                for column, is_first in merged.get(number, {}).items():
                    texts += [""] * (column + 1 - len(texts))
                    if is_first:
                        last[column] = texts[column]
                    texts[column] = texts[column] or last.get(column, "")
                while texts and not texts[-1]:
                    texts.pop()
                if texts:
                    found.append(texts[:_COLUMNS])
                cut = cut or len(texts) > _COLUMNS
        except Exception as error:  # whatever a broken file leads the library to
            raise Malformed(f"broken sheet {sheet.title} ({error})") from None
    return found, cut


def _texts(row: Sequence[Any], formulas: Sequence[Any]) -> list[str]:
    texts = [_text(one) for one in row]
    for i, one in enumerate(formulas[: len(texts)]):
        if not texts[i] and one.value is not None and one.data_type == "f":
            texts[i] = str(getattr(one.value, "text", one.value) or "")  # of an array formula
    return texts


def _merged(sheet: Any) -> dict[int, dict[int, bool]]:
    """{row: {column from 0: whether it is the first}} of cells that are merged downwards."""
    from openpyxl.utils import range_boundaries

    found: dict[int, dict[int, bool]] = {}
    cells = 0
    end = b""
    with sheet._get_source() as member:
        while piece := member.read(1 << 20):
            for match in _MERGE.finditer(end + piece):
                left, top, _, bottom = range_boundaries(match[1].decode())
                cells += bottom - top + 1
                if cells > _MERGED:
                    return found
                if left <= _COLUMNS and bottom > top:
                    for row in range(top, bottom + 1):
                        found.setdefault(row, {})[left - 1] = row == top
            end = piece[-60:]
    return found


def _parts(rows: Sequence[Sequence[str]], name: str, start: int) -> Iterator[Part]:
    """A sheet's parts; rows above the header are lines of text."""
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


def _text(cell: Any) -> str:
    """A cell's value as people write it: 8 and not 8.0, ISO dates, percentages as shown."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format or ""))
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ") if value.time() != datetime.time() else f"{value:%Y-%m-%d}"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value).strip()


def _number(value: float, shape: str) -> str:
    if match := re.search(r"(?:\.(0+))?%", shape):
        return f"{value * 100:.{len(match[1] or '')}f}%"
    return f"{value:.15g}" if isinstance(value, float) else str(value)
