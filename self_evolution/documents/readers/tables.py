"""The rows of a table (CSV, TSV or XLSX) by the names in its header."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from self_evolution.documents.readers.base import Malformed
from self_evolution.documents.readers.delimited import table_rows
from self_evolution.documents.readers.sheet import first_table
from self_evolution.errors import UserError

TABLES = (".csv", ".tsv", ".xlsx", ".xlsm")


def named_rows(path: Path, given: str) -> list[tuple[int, dict[str, str]]]:
    """(number, {name: cell}) of the rows below the header, counted from 1; names in lower case.

    Raises UserError that begins with `given`, what the user wrote to name the file.
    """
    delimited = path.suffix.lower() in (".csv", ".tsv")
    try:
        data = path.read_bytes()
        header, *body = (table_rows(data) if delimited else first_table(data)) or [[]]
    except OSError as error:
        raise UserError(f"{given}: {error.strerror}") from None
    except Malformed as error:
        raise UserError(f"{given}: {error}") from None
    names = [cell.strip().lower() for cell in header]
    if twice := [name for name, count in Counter(filter(None, names)).items() if count > 1]:
        raise UserError(f"{given}: the header has two columns {twice[0]}; rename or remove one")
    found = []
    for number, cells in enumerate(body, 1):
        if len(cells) > len(names):
            raise UserError(
                f"{given}, row {number}: it has {len(cells)} cells, more than the header's "
                f"{len(names)}; put quotes around a text that contains the delimiter"
            )
        padded = [*cells, *[""] * (len(names) - len(cells))]
        found.append((number, dict(zip(names, padded, strict=True))))
    return found
