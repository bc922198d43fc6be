"""Evaluation sets and rehearsal conversations: the files that stand beside the documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from self_evolution.documents.readers.base import Malformed
from self_evolution.documents.readers.delimited import table_rows
from self_evolution.documents.readers.rows import rows
from self_evolution.errors import UserError
from self_evolution.records import Message

_NAMES = {
    "passage": "instruction",
    "question": "input",
    "answer": "output",
    "reference": "output",
}


class ItemRow(NamedTuple):
    """One evaluation question; `values` is None where they are to be found in the reference."""

    passage: str
    question: str
    reference: str
    values: tuple[str, ...] | None


def read_items(path: Path) -> list[ItemRow]:
    """A JSON list, JSONL, CSV or TSV of {"instruction", "input", "output"[, "values"]}.

    Also under the names passage, question and answer (or reference, as a review writes it, whose
    rows with `"keep": false` are left out). Raises UserError that names the file, the row, and what
    it should have.
    """
    table = path.suffix.lower() in (".csv", ".tsv")
    found = _table(path) if table else read_rows(path)
    items = [_item(path, i, _plain(row)) for i, row in enumerate(found, 1) if not _struck(row)]
    if not items:
        raise UserError(f"{path}: no evaluation question in it")
    return items


def _struck(row: Any) -> bool:
    return isinstance(row, dict) and row.get("keep") is False


def _plain(row: Any) -> Any:
    """A row under the published names."""
    if not isinstance(row, dict):
        return row
    named = {_NAMES.get(str(key), key): value for key, value in row.items()}
    return named if len(named) == len(row) else row


def _table(path: Path) -> list[dict[str, Any]]:
    """The rows of a table with a header; `values` of a row are separated by semicolons."""
    try:
        rows = table_rows(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except Malformed as error:
        raise UserError(f"{path}: {error}") from None
    names = [cell.strip().lower() for cell in rows[0]] if rows else []
    found = []
    for cells in rows[1:]:
        row: dict[str, Any] = dict(zip(names, [*cells, *[""] * len(names)], strict=False))
        values = [value.strip() for value in row.pop("values", "").split(";") if value.strip()]
        found.append(row | ({"values": values} if values else {}))
    return found


def _item(path: Path, number: int, row: Any) -> ItemRow:
    expected = 'expected {"instruction": passage or "", "input": question, "output": answer}'
    if not isinstance(row, dict):
        raise UserError(f"{path}, item {number}: {expected}")
    texts = (row.get("instruction", ""), row.get("input"), row.get("output"))
    passage, question, reference = (text if isinstance(text, str) else None for text in texts)
    if passage is None or reference is None or question is None or not question.strip():
        raise UserError(f"{path}, item {number}: {expected}, got keys {', '.join(map(str, row))}")
    values = row.get("values")
    if values is not None and not (
        isinstance(values, list) and all(isinstance(value, str) for value in values)
    ):
        raise UserError(f'{path}, item {number}: "values" must be a list of texts')
    return ItemRow(passage, question, reference, None if values is None else tuple(values))


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
    """(place in the list, or number of the line; value) of such a file. Raises UserError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 (byte {error.start})") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    try:
        return rows(text)
    except Malformed as error:
        raise UserError(f"{path}: broken JSON: {error}") from None
