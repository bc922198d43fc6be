"""Sketches: a few batches of prompts, as a stage would put them, and what reading them costs.

The prompts are made of real fragments and real questions; how many tokens of them have to be read
follows from their token ids, as in the model's own reading. Nothing is read here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

from self_evolution.forecast.replies import Expected
from self_evolution.forecast.work import Amount, Sort, Work
from self_evolution.models.base.memory import Shape
from self_evolution.models.decoding.beginnings import to_read
from self_evolution.models.protocols import KEPT_NUMBERS, Engine
from self_evolution.records import Message

Row = TypeVar("Row")


class Call(NamedTuple):
    """Prompts that are asked together; their replies are of `kind`, with at most `room` tokens.

    `texts` are replies as they might be, for a call after this one to build on. With `once`, equal
    prompts are asked once.
    """

    reply: str
    prompts: Sequence[Sequence[Message]]
    room: int
    texts: Sequence[str] = ()
    once: bool = False


class Asked(NamedTuple):
    """The counts of a call: its rows, the longest and the mean of them in tokens, and the work of
    reading them."""

    reply: str
    rows: int
    width: int
    mean: float
    read: Amount


class Sketch(NamedTuple):
    """Batches of calls, which do the work of `items` items together."""

    batches: tuple[tuple[Asked, ...], ...]
    items: int

    @property
    def calls(self) -> list[Asked]:
        return [call for batch in self.batches for call in batch]

    @property
    def mean(self) -> float:
        """The mean tokens of a prompt."""
        rows = sum(call.rows for call in self.calls)
        return sum(call.rows * call.mean for call in self.calls) / max(1, rows)

    def work(
        self, replies: Mapping[str, Expected], items: float, tuned: bool, row_seconds: float
    ) -> Work:
        """The work for so many items. `row_seconds`: CPU seconds for each row beside the model.

        All batches but the last one are full. That one has fewer rows, but takes as many steps as
        the longest of its replies.
        """
        if not (self.batches and self.items and items > 0):
            return Work()
        size = self.items / len(self.batches)
        whole = math.floor(items / size + 1e-9)
        rest = items / size - whole
        work = Work()
        for times, part in ((whole, 1.0), (1, rest)):
            if times and part > 1e-6:
                for call in self.calls:
                    one = _work(call, replies[call.reply], part, tuned, row_seconds)
                    work += one * (times / len(self.batches))
        return work


def _work(call: Asked, expected: Expected, part: float, tuned: bool, row_seconds: float) -> Work:
    """The work of this part of the rows of a call. The last token of a reply ends it, and is not
    read any more."""
    read: Sort = "tuned read" if tuned else "read"
    write: Sort = "tuned write" if tuned else "write"
    rows = call.rows * part
    tokens = rows * max(0.0, expected.mean - 1)
    steps = max(0.0, expected.longest(max(1.0, rows)) - 1) if rows else 0.0
    writing = Amount(steps, tokens, tokens * (call.width + expected.mean / 2))
    return Work({read: call.read.times(part), write: writing}, rows * row_seconds)


class Reader:
    """Counts what a model would have to read."""

    def __init__(self, engine: Engine, shape: Shape | None, at_once: int) -> None:
        """`shape` says how much of a batch is kept for the next call; None keeps everything."""
        self._engine, self._shape, self._at_once = engine, shape, at_once

    def sketch(self, batches: Sequence[Sequence[Call]], items: int) -> Sketch:
        """Count batches of calls that do the work of so many items. A call may begin with what the
        call before it in its batch has read."""
        return Sketch(tuple(tuple(self._batch(batch)) for batch in batches), items)

    def _batch(self, calls: Sequence[Call]) -> list[Asked]:
        before: list[list[int]] = []
        found = []
        for call in calls:
            rows = [self._engine.prompt_ids(prompt) for prompt in call.prompts]
            if call.once:
                rows = [list(row) for row in dict.fromkeys(map(tuple, rows))]
            steps = to_read(rows, before, self._at_once) if rows else []
            read = Amount(
                len(steps),
                sum(tokens for tokens, _ in steps),
                sum(tokens * width for tokens, width in steps),
            )
            width = max(map(len, rows), default=0)
            mean = sum(map(len, rows)) / max(1, len(rows))
            found.append(Asked(call.reply, len(rows), width, mean, read))
            before = self._kept(rows, call.texts, width + call.room)
        return found

    def _kept(self, rows: Sequence[list[int]], texts: Sequence[str], width: int) -> list[list[int]]:
        """The rows that the next call may begin with; none where too much would be kept."""
        shape = self._shape
        if shape and 2 * shape.layers * shape.keys * len(rows) * width > KEPT_NUMBERS:
            return []
        if len(texts) != len(rows):
            return list(rows)
        replies = (self._engine.text_ids(text, reply=True) for text in texts)
        return [[*row, *reply] for row, reply in zip(rows, replies, strict=True)]


def evenly(rows: Sequence[Row], size: int) -> list[Row]:
    """`size` of the rows at even distances; all rows if there are no more."""
    size = min(size, len(rows))
    return [rows[(2 * i + 1) * len(rows) // (2 * size)] for i in range(size)]
