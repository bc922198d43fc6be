"""Passages that were split already, in the published format: [{"instruction": passage, …}, …]."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from self_evolution.readers.base import Malformed, Part

_KEYS = ("instruction", "text", "content")


def read_json(content: str) -> tuple[str, list[Part]]:
    """A JSON list of objects, or of strings."""
    try:
        rows = json.loads(content)
    except json.JSONDecodeError as error:
        unfinished = error.msg.startswith("Unterminated") or error.pos >= len(content.rstrip()) - 1
        where = "cut off" if unfinished else "broken"
        raise Malformed(
            f"JSON {where} at line {error.lineno}, column {error.colno} ({error.msg})"
        ) from None
    if not isinstance(rows, list):
        raise Malformed('expected a JSON list of {"instruction": passage}')
    return "", _parts(enumerate(rows, 1), "item")


def read_jsonl(content: str) -> tuple[str, list[Part]]:
    """One JSON object, or string, a line; empty lines are passed over."""
    rows = []
    for number, line in enumerate(content.split("\n"), 1):
        if line.strip():
            try:
                rows.append((number, json.loads(line)))
            except json.JSONDecodeError as error:
                raise Malformed(f"line {number} is not JSON ({error.msg})") from None
    return "", _parts(rows, "line")


def _parts(rows: Iterable[tuple[int, Any]], unit: str) -> list[Part]:
    """Passages laid end to end: the offsets are those in the passages, one newline between."""
    parts: list[Part] = []
    at = 0
    for number, row in rows:
        text = row if isinstance(row, str) else None
        if isinstance(row, dict):
            text = next((row[key] for key in _KEYS if isinstance(row.get(key), str)), None)
        if text is None:
            raise Malformed(
                f'{unit} {number}: expected {{"instruction": passage}} (or "text"), got '
                f"{json.dumps(row, ensure_ascii=False)[:80]}"
            )
        parts.append(Part((), text.strip(), at, at + len(text.strip()), whole=True))
        at += len(text.strip()) + 1
    return parts
