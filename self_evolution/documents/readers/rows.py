"""JSON lists and JSONL: the one parser for passages, evaluation sets and conversations."""

from __future__ import annotations

import json
from typing import Any

from self_evolution.documents.readers.base import Malformed, storable


def rows(text: str, broken: list[Malformed] | None = None) -> list[tuple[int, Any]]:
    """(number, value) of a JSON list's values, or of the lines that are not empty.

    The number is the value's place in the list, or its line; both count from 1. Lines that are not
    JSON are left out, and their errors added to `broken` if that is given. Raises Malformed.
    """
    if text.lstrip().startswith("["):
        return list(enumerate(_list(text), 1))
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            found += [(number, _line(number, line))] if line.strip() else []
        except Malformed as error:
            if broken is None:
                raise
            broken.append(error)
    return found


def value(text: str) -> Any:
    """The only JSON value in a text; None where there is none, or more than one."""
    try:
        return _parsed(text)
    except json.JSONDecodeError:
        return None


def _list(text: str) -> list[Any]:
    try:
        values: list[Any] = _parsed(text)
    except json.JSONDecodeError as error:
        unfinished = error.msg.startswith("Unterminated") or error.pos >= len(text.rstrip()) - 1
        where = "cut off" if unfinished else "broken"
        raise Malformed(
            f"JSON {where} at line {error.lineno}, column {error.colno} ({error.msg})"
        ) from None
    return values


def _line(number: int, line: str) -> Any:
    try:
        return _parsed(line)
    except json.JSONDecodeError as error:
        raise Malformed(
            f"line {number}: not JSON ({error.msg}); expected a JSON list, or one value a line"
        ) from None


def _parsed(text: str) -> Any:
    """The value; raises JSONDecodeError, and Malformed for what is JSON but cannot be held."""
    try:
        found = json.loads(text)
        # Only an escape makes a lone surrogate: the text itself was decoded.
        return _storable(found) if "\\ud" in text.lower() else found
    except RecursionError:
        raise Malformed("JSON nested too deep") from None
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python's limit for the digits of an integer
        raise Malformed("JSON with a number of thousands of digits") from None


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, dict):
        return {storable(key): _storable(one) for key, one in value.items()}
    return value
