"""CSV and TSV: tables with their header, or records where the cells hold long texts."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator

from self_evolution.documents.readers import grid
from self_evolution.documents.readers.base import Content, Malformed
from self_evolution.documents.readers.encoding import decode

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE = 200  # rows that show the delimiter and the width
_FIELD = 1 << 26  # characters; the library's own limit is too small for exported pages


def read(data: bytes) -> Content:
    """The rows below the header, in tables of bounded size (see `grid.parts` for long texts).

    The delimiter is the one that gives the most rows of the same width; the header is the first
    row of that width if it has no numbers, else columns are counted. Raises Malformed for broken
    quotes, naming the line.
    """
    rows, delimiter = _read(data)
    if not rows:
        return Content("", [])
    width = _width(rows)
    first = next(i for i, row in enumerate(rows) if len(row) >= width)
    header = rows[first]
    above = "\n".join(" ".join(filter(None, row)) for row in rows[:first])
    body = rows[first + 1 :]
    if not grid.is_header(header, body[:1]):
        header, body = [f"column {i}" for i in range(1, width + 1)], rows[first:]
    parts = list(grid.parts(header, [_fitted(row, len(header), delimiter) for row in body]))
    if above.strip() and parts:
        title = parts[0]._replace(text=f"{above.strip()}\n\n{parts[0].text}")
        shift = len(title.text) - len(parts[0].text)
        parts = [title, *(part._replace(start=part.start + shift) for part in parts[1:])]
        parts = [part._replace(end=part.start + len(part.text)) for part in parts]
    return Content("", parts)


def table_rows(data: bytes) -> list[list[str]]:
    """All rows as they stand, the header among them. Raises Malformed."""
    return _read(data)[0]


def _read(data: bytes) -> tuple[list[list[str]], str]:
    """Rows, and the delimiter between their cells."""
    text = decode(data).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if text.startswith("sep=") and text[4:5] and text[5:6] == "\n":
        delimiter, text = text[4], text[6:]
    else:
        delimiter = _delimiter(text)
    return _all(text, delimiter), delimiter


def _delimiter(text: str) -> str:
    """The delimiter with which most of the first rows have the same width above one."""
    sample = "\n".join(text[: 1 << 18].split("\n", _SAMPLE)[:_SAMPLE])
    best, most = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        csv.field_size_limit(_FIELD)
        widths = Counter(len(row) for row in reader if row)
        width, count = max(widths.items(), key=lambda item: (item[0] > 1, item[1]), default=(0, 0))
        share = round(count / max(1, widths.total()), 1)
        if width > 1 and (share, width) > most:
            best, most = delimiter, (share, width)
    return best


def _all(text: str, delimiter: str) -> list[list[str]]:
    try:
        return list(_rows(text, delimiter))
    except Malformed:
        # Tab-separated tables often know no quotes, and then a quote is a character as any other.
        unquoted = [line.split("\t") for line in text.split("\n") if line.strip()]
        if delimiter != "\t" or len(set(map(len, unquoted))) > 1:
            raise
        return unquoted


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows that have text, without empty cells at their end."""
    csv.field_size_limit(_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            line = reader.line_num + 1
            while row and not row[-1].strip():
                row.pop()
            if row:
                yield row
    except csv.Error as error:
        raise Malformed(f"line {line}: broken quotes ({error})") from None


def _width(rows: list[list[str]]) -> int:
    """The number of cells of most rows; titles above are narrower, and the header may be wider."""
    widths = Counter(len(row) for row in rows[:_SAMPLE])
    return max(widths, key=lambda width: (widths[width], width))


def _fitted(row: list[str], width: int, delimiter: str) -> list[str]:
    """Return a row no wider than the header; extra cells come from delimiters in the last cell."""
    if len(row) <= width:
        return row
    return [*row[: width - 1], delimiter.join(row[width - 1 :])]
