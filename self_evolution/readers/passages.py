"""Passages that were split already, in the published format: [{"instruction": passage, …}, …]."""

from __future__ import annotations

import json

from self_evolution.readers.base import Malformed, Part
from self_evolution.readers.rows import rows

_KEYS = ("instruction", "text", "content")


def read(content: str) -> tuple[str, list[Part]]:
    """A JSON list, or lines, of objects or strings.

    Passages are laid end to end: the offsets are those in the passages, one newline between.
    """
    parts: list[Part] = []
    at = 0
    for number, row in rows(content):
        text = row if isinstance(row, str) else None
        if isinstance(row, dict):
            text = next((row[key] for key in _KEYS if isinstance(row.get(key), str)), None)
        if text is None:
            raise Malformed(
                f'row {number}: expected {{"instruction": passage}} (or "text"), got '
                f"{json.dumps(row, ensure_ascii=False)[:80]}"
            )
        parts.append(Part((), text.strip(), at, at + len(text.strip())))
        at += len(text.strip()) + 1
    return "", parts
