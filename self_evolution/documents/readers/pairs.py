"""The user's own pairs: questions with their answers, in the formats in which such files come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from self_evolution.documents.readers.items import read_numbered
from self_evolution.documents.readers.tables import TABLES, named_rows
from self_evolution.errors import UserError, excerpt
from self_evolution.records import Message

EXPECTED = (
    'expected {"question", "answer"} (and "passage", "document" if known), {"messages": [{"role", '
    '"content"}, …]}, {"conversations": [{"from", "value"}, …]} (ShareGPT), or {"instruction", '
    '"input", "output"} (Alpaca)'
)
_SPEAKERS = {"system": "system", "human": "user", "user": "user", "gpt": "assistant"}
_SPEAKERS |= {"assistant": "assistant"}


class GivenPair(NamedTuple):
    """An answer to learn, its question, and the turns before that; `turn` counts from 1 in a row.

    `passage` and `document` say where it comes from, and may be empty.
    """

    row: int
    turn: int
    turns: tuple[Message, ...]
    question: str
    answer: str
    passage: str
    document: str


class _Refused(Exception):
    """A description of the fault of a row."""


def read_pairs(path: Path) -> list[GivenPair]:
    """The pairs of a JSON list, a JSONL file, or a table (CSV, TSV, XLSX) with a header.

    In a conversation every answer of the assistant is a pair, with the turns before it, unless its
    `weight` is 0. Raises UserError that names the file, the row and what is wrong with it.
    """
    found: list[GivenPair] = []
    table = path.suffix.lower() in TABLES
    rows = named_rows(path, f"--pairs {path}") if table else read_numbered(path)
    _refuse_items(path, [row for _, row in rows])
    for number, row in rows:
        try:
            found += _pairs(number, row)
        except _Refused as error:
            raise UserError(f"--pairs {path}, row {number}: {error}") from None
    if not found:
        raise UserError(f"--pairs {path}: no pair in it; {EXPECTED}")
    return found


def _refuse_items(path: Path, rows: Sequence[Any]) -> None:
    """An evaluation set uses Alpaca's names otherwise: its instruction is the passage."""
    alpaca = [row for row in rows if isinstance(row, Mapping) and "instruction" in row]
    texts = [(str(row["instruction"]).strip(), str(row.get("input", "")).strip()) for row in alpaca]
    marks = ("?", "？")
    if alpaca and (
        any("values" in row for row in alpaca)
        or all(asked.endswith(marks) and not told.endswith(marks) for told, asked in texts)
    ):
        raise UserError(
            f"--pairs {path}: this looks like an evaluation set, whose `instruction` is a passage "
            "and whose `input` is the question, while in Alpaca's format `instruction` is the "
            "question; name the keys passage, question and answer"
        )


def _pairs(number: int, row: Any) -> Iterator[GivenPair]:
    """The pairs of one row. Raises _Refused."""
    if not isinstance(row, Mapping):
        raise _Refused(f"{EXPECTED}, got {excerpt(row)}")
    turns = _turns(row)
    source = (_optional(row, "passage"), _optional(row, "document"))
    turn = 0
    for i, message in enumerate(turns):
        if message["role"] == "assistant":
            turn += 1
            if message.get("weight") != "0":
                before = tuple(_plain(one) for one in turns[: i - 1])
                asked = turns[i - 1]["content"]
                yield GivenPair(number, turn, before, asked, message["content"], *source)


def _turns(row: Mapping[str, Any]) -> list[Message]:
    """The row as a conversation: perhaps a system message, then questions and answers in turn."""
    if "messages" in row:
        return _conversation(row["messages"], "role", "content", row)
    if "conversations" in row:
        return _conversation(row["conversations"], "from", "value", row)
    if "instruction" in row and "output" in row:
        given = (_text(row, "instruction"), _optional(row, "input"))
        asked = "\n\n".join(filter(None, given))
        return [*_history(row), *_exchange(asked, _text(row, "output"))]
    if "question" in row and "answer" in row:
        return _exchange(_text(row, "question"), _text(row, "answer"))
    raise _Refused(f"{EXPECTED}, got keys {', '.join(map(str, row)) or 'none'}")


def _conversation(turns: Any, who: str, what: str, row: Mapping[str, Any]) -> list[Message]:
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise _Refused(f'expected a list of {{"{who}", "{what}"}}, got {excerpt(turns)}')
    found: list[Message] = []
    if text := _optional(row, "system"):
        found.append({"role": "system", "content": text})
    for turn in turns:
        role = _SPEAKERS.get(str(turn.get(who)))
        if role is None:
            raise _Refused(
                f"{who} {excerpt(turn.get(who))}: expected system, "
                f"{'user or assistant' if who == 'role' else 'human or gpt'}"
            )
        message = {"role": role, "content": _text(turn, what)}
        found.append(message | ({"weight": "0"} if turn.get("weight") == 0 else {}))
    roles = [turn["role"] for turn in found if turn["role"] != "system"]
    alternate = ["user", "assistant"] * (len(roles) // 2)
    if not roles or roles != alternate or "system" in [turn["role"] for turn in found[1:]]:
        raise _Refused(
            "a conversation must be questions and answers in turn, end with an answer, and may "
            "begin with one system message"
        )
    return found


def _history(row: Mapping[str, Any]) -> list[Message]:
    """The turns before an Alpaca row: `system`, and `history` as a list of [question, answer]."""
    found: list[Message] = []
    if text := _optional(row, "system"):
        found.append({"role": "system", "content": text})
    for pair in row.get("history") or []:
        if not isinstance(pair, list) or len(pair) != 2:
            raise _Refused(f"history: expected [question, answer], got {excerpt(pair)}")
        asked, told = ({"content": text} for text in pair)
        question, answer = _exchange(_text(asked, "content"), _text(told, "content"))
        found += [question, answer | {"weight": "0"}]
    return found


def _exchange(question: str, answer: str) -> list[Message]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _plain(message: Message) -> Message:
    return {"role": message["role"], "content": message["content"]}


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise _Refused(f"{key} must be a text, got {excerpt(value)}")
    if not value.strip():
        raise _Refused(f"{key} is empty")
    return value.strip()


def _optional(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return (
        ""
        if value in (None, "") or (isinstance(value, str) and not value.strip())
        else _text(row, key)
    )
