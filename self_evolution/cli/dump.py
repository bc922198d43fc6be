"""dump: what a run holds, as JSON lines: all its tables, or its pairs for other trainers."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from self_evolution.cli.output import json_lines
from self_evolution.errors import UserError
from self_evolution.ledger import SelectedPair
from self_evolution.records import Message
from self_evolution.run.read import read_run

Row = dict[str, Any]


def dump(options: argparse.Namespace) -> int:
    """Write all tables to a folder, or with `--as` the pairs that were selected to a file."""
    return pairs(options) if options.shape else tables(options)


def tables(options: argparse.Namespace) -> int:
    """Write every table as JSON lines, in an order that equal runs share."""
    if not options.output or options.output == "-":
        raise UserError(
            "dump: no folder given; expected -o FOLDER for all tables, or --as messages for the "
            "selected pairs alone"
        )
    folder = Path(options.output)
    if folder.exists() and not folder.is_dir():
        raise UserError(
            f"--output {folder}: a file; expected a folder for all tables, or --as messages for "
            "the selected pairs in one file"
        )
    with read_run(Path(options.source)) as run:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, lines in run.ledger.export():
                with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as file:
                    count = sum(bool(file.write(line + "\n")) for line in lines)
                print(f"{count:>8,}  {folder / name}.jsonl")
        except OSError as error:
            raise UserError(f"--output {folder}: {error.strerror}") from None
    return 0


def pairs(options: argparse.Namespace) -> int:
    """Write a line for each pair that was selected as new, in the order of selection.

    Raises UserError if the run has selected none yet.
    """
    shape = FORMATS[options.shape]
    with read_run(Path(options.source)) as run:
        selected = run.ledger.pairs.selected()
    if not selected:
        raise UserError(
            f"{options.source}: no pair is selected yet; `self-evolution run --run "
            f"{options.source}` goes on with the run"
        )
    with json_lines(options.output) as write:
        for pair in selected:
            known = {"passage": pair.passage, "document": pair.document}
            write(
                shape(pair)
                | {"generation": pair.generation, "source": pair.origin}
                | {name: text for name, text in known.items() if text}
            )
    return 0


def _conversation(pair: SelectedPair) -> list[Row]:
    """The turns of a pair; those of the assistant before its answer have the weight 0."""
    weightless = [
        turn | ({"weight": 0} if turn["role"] == "assistant" else {}) for turn in pair.turns
    ]
    return [
        *weightless,
        {"role": "user", "content": pair.question},
        {"role": "assistant", "content": pair.answer},
    ]


def _messages(pair: SelectedPair) -> Row:
    return {"messages": _conversation(pair)}


def _sharegpt(pair: SelectedPair) -> Row:
    speakers = {"system": "system", "user": "human", "assistant": "gpt"}
    turns = [
        {"from": speakers[turn.pop("role")], "value": turn.pop("content")} | turn
        for turn in _conversation(pair)
    ]
    return {"conversations": turns}


def _alpaca(pair: SelectedPair) -> Row:
    row: Row = {"instruction": pair.question, "input": "", "output": pair.answer}
    system = [turn["content"] for turn in pair.turns if turn["role"] == "system"]
    if system:
        row["system"] = system[0]
    if history := _exchanges(pair.turns[len(system) :]):
        row["history"] = history
    return row


def _exchanges(turns: Sequence[Message]) -> list[list[str]]:
    texts = [turn["content"] for turn in turns]
    return [list(pair) for pair in zip(texts[::2], texts[1::2], strict=True)]


FORMATS: dict[str, Callable[[SelectedPair], Row]] = {
    "messages": _messages,
    "alpaca": _alpaca,
    "sharegpt": _sharegpt,
}
