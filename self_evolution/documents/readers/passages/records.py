"""Values of JSON as text for people: `key: value` lines, with nested values as lists."""

from __future__ import annotations

import json
from typing import Any

_DEEPEST = 8  # levels of lists; indented further, a file of little text could grow without limit


def record(value: dict[str, Any] | list[Any]) -> str:
    """The lines of an object or a list; empty values are left out, deep ones stay JSON."""
    return "\n".join(_lines(value, 0))


def _lines(value: dict[str, Any] | list[Any], depth: int) -> list[str]:
    if isinstance(value, dict):
        items = [(f"{' '.join(key.split())}: ", one) for key, one in value.items()]
        if depth:
            items = [("- " + key, one) for key, one in items]
    else:
        items = [("- ", one) for one in value]
    indent = "  " * max(0, depth - 1)
    lines = []
    for label, one in items:
        if one in (None, "", [], {}):
            continue
        if isinstance(one, dict | list) and depth < _DEEPEST:
            lines += [(indent + label).rstrip(), *_lines(one, depth + 1)]
        else:
            first, *more = _plain(one).split("\n")
            lines += [indent + label + first, *(f"{indent}  {line}" for line in more)]
    return lines


def _plain(value: Any) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
