"""Test questions and rehearsal conversations that the user gives in files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from self_evolution.documents.readers.base import Malformed
from self_evolution.documents.readers.rows import rows
from self_evolution.documents.readers.tables import TABLES, named_rows
from self_evolution.errors import UserError
from self_evolution.records import Message
from self_evolution.text.values import stands_in

_NAMES = {
    "passage": "instruction",
    "question": "input",
    "answer": "output",
    "reference": "output",
}
_EXPECTED = 'expected {"instruction": passage or "", "input": question, "output": answer}'
_KINDS = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


class ItemRow(NamedTuple):
    """One test question; if `values` is None, they are to be found in the reference.

    Questions with the same `document` are not independent: statistics draw them together.
    """

    passage: str
    question: str
    reference: str
    values: tuple[str, ...] | None
    document: str = ""


def read_items(path: Path) -> list[ItemRow]:
    """A JSON list, JSONL, CSV, TSV or XLSX of {"instruction", "input", "output"}.

    A row may also have "values" and "document", and the names passage, question and answer (or
    reference, as a review writes it, whose rows with `"keep": false` are left out). Raises
    UserError that names the file, the row, and what is wrong with it.
    """
    found = _table(path) if path.suffix.lower() in TABLES else read_numbered(path)
    items: list[ItemRow] = []
    answers: dict[tuple[str, str], tuple[int, str]] = {}
    for number, row in found:
        if isinstance(row, dict) and row.get("keep") is False:
            continue
        item = _item(f"{path}, row {number}", row)
        asked = (item.passage, item.question)
        first, answer = answers.setdefault(asked, (number, item.reference))
        if answer != item.reference:
            raise UserError(
                f"{path}, row {number}: the question of row {first} again with another answer; "
                "leave one of the two out"
            )
        items.append(item)
    if not items:
        raise UserError(f"{path}: no test question in it")
    return items


def _table(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The numbered rows of a table; semicolons separate the `values` of a row."""
    for number, row in named_rows(path, str(path)):
        values = [value.strip() for value in row.pop("values", "").split(";") if value.strip()]
        yield number, row | ({"values": values} if values else {})


def _item(place: str, given: Any) -> ItemRow:
    """A row as a question; `place` names the file and the row. Raises UserError."""
    if not isinstance(given, dict):
        raise UserError(f"{place}: it is {_kind(given)}; {_EXPECTED}")
    keys: dict[str, str] = {}  # the published name: the name in the file
    for key in map(str, given):
        name = _NAMES.get(key, key)
        if keys.setdefault(name, key) != key:
            raise UserError(f"{place}: {keys[name]} and {key} mean the same; leave one of them out")
    texts: dict[str, Any] = {name: given.get(keys.get(name, "")) for name in ("input", "output")}
    texts["instruction"] = given.get(keys.get("instruction", ""), "")
    for name, text in texts.items():
        if name not in keys and name != "instruction":
            raise UserError(f"{place}: {name} is missing; {_EXPECTED}, got {', '.join(given)}")
        if not isinstance(text, str):
            raise UserError(f"{place}: {keys[name]} is {_kind(text)}: write it as text")
    if not texts["input"].strip():
        hint = (
            f"; is the question in {keys['instruction']}?" if texts["instruction"].strip() else ""
        )
        raise UserError(f"{place}: {keys['input']} is empty{hint}")
    if not texts["output"].strip():
        raise UserError(
            f"{place}: {keys['output']} is empty: write the answer, or leave the row out"
        )
    item = ItemRow(
        texts["instruction"], texts["input"], texts["output"], None, _document(place, given)
    )
    values = given.get("values")
    if values is None:
        return item
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise UserError(f'{place}: "values" must be a list of texts')
    for value in values:
        if not stands_in(value, texts["output"]):
            raise UserError(
                f"{place}: {keys['output']} does not contain {value!r} of its values; correct one "
                "of the two"
            )
    return item._replace(values=tuple(values))


def _document(place: str, given: dict[str, Any]) -> str:
    """The name of the document that a row is about; empty if it does not say."""
    document = given.get("document")
    if not isinstance(document, str | None):
        raise UserError(f"{place}: document is {_kind(document)}: write its name as text")
    return (document or "").strip()


def _kind(value: Any) -> str:
    """Describe a JSON value in words."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinite"
    return _KINDS.get(type(value), "a text")


def read_conversations(path: Path) -> list[tuple[Message, ...]]:
    """JSON or JSONL of {"messages": [{"role", "content"}, …]} that end with the assistant."""
    found = []
    for number, row in enumerate(read_rows(path), 1):
        turns = row.get("messages") if isinstance(row, dict) else None
        if not isinstance(turns, list) or not _is_conversation(turns):
            raise UserError(
                f'{path}, row {number}: expected {{"messages": [{{"role": "user", "content": …}}, '
                '{"role": "assistant", "content": …}]}'
            )
        found.append(tuple(turns))
    return found


def _is_conversation(turns: list[Any]) -> bool:
    good = all(
        isinstance(turn, dict)
        and turn.get("role") in ("system", "user", "assistant")
        and isinstance(turn.get("content"), str)
        for turn in turns
    )
    return good and len(turns) > 1 and turns[-1]["role"] == "assistant"


def read_rows(path: Path) -> list[Any]:
    """The values of a JSON list, or of the lines of a JSONL file. Raises UserError."""
    return [value for _, value in read_numbered(path)]


def read_numbered(path: Path) -> list[tuple[int, Any]]:
    """Values with their places in the list, or their lines. Raises UserError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 (byte {error.start})") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    try:
        return rows(text, unique_keys=True)
    except Malformed as error:
        raise UserError(f"{path}: broken JSON: {error}") from None
