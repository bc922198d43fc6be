"""JSON lists and JSONL: the one parser for passages, evaluation sets and conversations."""

from __future__ import annotations

import json
from typing import Any

from self_evolution.documents.readers.base import Malformed, storable


class DuplicateKey(Malformed):
    """An object that has a key twice, of which a parser would drop the first."""


def rows(
    text: str, broken: list[Malformed] | None = None, *, unique_keys: bool = False
) -> list[tuple[int, Any]]:
    """(number, value) of a JSON list's values, or of the lines that are not empty.

    The number is the value's place in the list, or its line; both count from 1. Lines that are no
    JSON are left out, and their errors added to `broken`, where that is given. Raises Malformed,
    also for an object that has a key twice where keys are to be unique.
    """
    if text.lstrip().startswith("["):
        return list(enumerate(_list(text, unique_keys), 1))
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            found += [(number, _line(number, line, unique_keys))] if line.strip() else []
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


def _list(text: str, unique_keys: bool) -> list[Any]:
    try:
        values: list[Any] = _parsed(text, unique_keys)
    except json.JSONDecodeError as error:
        if comma := _comma_too_many(error):
            line, column = comma
            raise Malformed(
                f"a comma too many at line {line}, column {column}; remove it"
            ) from None
        where = f"line {error.lineno}, column {error.colno}"
        unfinished = error.msg.startswith("Unterminated") or error.pos >= len(text.rstrip()) - 1
        state = "cut off" if unfinished else "broken"
        raise Malformed(f"JSON {state} at {where} ({error.msg})") from None
    return values


def _line(number: int, line: str, unique_keys: bool) -> Any:
    try:
        return _parsed(line, unique_keys)
    except json.JSONDecodeError as error:
        if comma := _comma_too_many(error):
            raise Malformed(
                f"line {number}: a comma too many at column {comma[1]}; remove it"
            ) from None
        raise Malformed(
            f"line {number}: not JSON ({error.msg}); expected a JSON list, or one value a line"
        ) from None
    except DuplicateKey as error:
        raise Malformed(f"line {number}: {error}") from None


def _comma_too_many(error: json.JSONDecodeError) -> tuple[int, int] | None:
    """Line and column of a comma with a bracket behind it, or at the end of a line that is a value.

    None if something else is wrong. Python names the place of the comma from 3.13 on, and that of
    the bracket before.
    """
    text, place = error.doc, error.pos
    if error.msg == "Extra data":
        wrong = text[place:].strip() == ","
    elif error.msg.startswith("Illegal trailing comma"):  # from 3.13 on
        wrong = True
    else:
        around = text[:place].rstrip()[-1:] + text[place:].lstrip(", \t\r\n")[:1]
        wrong = around in (",}", ",]")
    if not wrong:
        return None
    comma = text.rindex(",", 0, place + 1)
    return text.count("\n", 0, comma) + 1, comma - text.rfind("\n", 0, comma)


def _parsed(text: str, unique_keys: bool = False) -> Any:
    """The value; raises JSONDecodeError, and Malformed for what is JSON but cannot be held."""
    try:
        found = json.loads(text, object_pairs_hook=_unique if unique_keys else None)
        # Only an escape makes a lone surrogate: the text itself was decoded.
        return _storable(found) if "\\ud" in text.lower() else found
    except RecursionError:
        raise Malformed("JSON nested too deep") from None
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python's limit for the digits of an integer
        raise Malformed("JSON with a number of thousands of digits") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DuplicateKey(f"an object has the key {twice} twice; leave one of them out")
    return found


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, dict):
        return {storable(key): _storable(one) for key, one in value.items()}
    return value
