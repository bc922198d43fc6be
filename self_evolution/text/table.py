"""The tables of units, phrases and words in `tables/`: what a language calls what."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

LANGUAGES = ("en", "de", "fr", "zh")
"""Columns that hold words."""

_FOLDER = Path(__file__).with_name("tables")


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of a table by column; lines that begin with # are comments."""
    text = (_FOLDER / f"{name}.tsv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def forms(row: dict[str, str], *columns: str) -> list[str]:
    """The forms that the columns of a row hold, in their order."""
    return [form for column in columns for form in row[column].split("|") if form]
