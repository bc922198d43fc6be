"""JSON and JSONL: passages that are split already, like the published ones, or any records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from self_evolution.documents.readers.base import Content, Malformed, Part, normal
from self_evolution.documents.readers.encoding import decode
from self_evolution.documents.readers.passages.overlaps import overlap
from self_evolution.documents.readers.passages.records import record
from self_evolution.documents.readers.rows import rows, value
from self_evolution.errors import excerpt

_KEYS = ("instruction", "text", "content", "body", "passage", "page_content")
_HEADINGS = ("title", "heading", "section")


def read(data: bytes) -> Content:
    """A JSON list, or lines, of texts or objects; or one object, which is one document.

    An object is the passage under its text key, below its title, heading and section; without
    such a key it is a record, shown as `key: value` lines. Passages are laid end to end: the
    offsets are those in the passages, one newline between. A line that is neither costs that line
    alone, and the note counts it; where such lines are the most, Malformed is raised.
    """
    text = decode(data)
    whole = value(text) if text.lstrip().startswith("{") else None
    if isinstance(whole, dict):
        heading, passage = _passage(0, whole)
        title = heading[0] if heading else ""
        return Content(title, _laid_out([((), passage)]))
    broken: list[Malformed] = []
    found = []
    for number, row in rows(text, broken):
        try:
            found.append(_passage(number, row))
        except Malformed as error:
            if text.lstrip().startswith("["):
                raise
            broken.append(error)
    if len(broken) > len(found):
        raise broken[0]
    note = (
        f"{len(broken):,} of {len(broken) + len(found):,} lines left out: {broken[0]}"
        if broken
        else ""
    )
    return Content("", _laid_out(found), note)


def _passage(number: int, row: Any) -> tuple[tuple[str, ...], str]:
    """Heading path and text of a row; number 0 is the only object in a file."""
    if isinstance(row, str):
        return (), row
    if isinstance(row, dict):
        key = next((key for key in _KEYS if isinstance(row.get(key), str)), None)
        if key:
            return _heading(row), row[key]
        if not any(key in row for key in _KEYS):
            return _heading(row), record(row)
    elif isinstance(row, list) and row:
        return (), record(row)
    where = f"row {number}: " if number else ""
    raise Malformed(
        f'{where}expected {{"instruction": passage}} (or "text"), or an object without these, got '
        f"{excerpt(row)}"
    )


def _heading(row: Mapping[str, Any]) -> tuple[str, ...]:
    names: list[str] = []
    for key in _HEADINGS:
        found = row.get(key)
        for name in found if isinstance(found, list) else [found]:
            clean = " ".join(normal(name).split()) if isinstance(name, str) else ""
            if clean and clean not in names:
                names.append(clean)
    return tuple(names)


def _laid_out(passages: list[tuple[tuple[str, ...], str]]) -> list[Part]:
    parts: list[Part] = []
    at = 0
    before = ""
    for heading, raw in passages:
        text = normal(raw).strip()
        parts.append(Part(heading, text, at, at + len(text), overlap=overlap(before, text)))
        at += len(text) + 1
        before = text
    return parts
