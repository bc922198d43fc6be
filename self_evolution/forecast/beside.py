"""The forecast of a run beside what it took."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from self_evolution.ledger import ForecastRow, Ledger, StageRow
from self_evolution.progress import clock
from self_evolution.schedule import STAGES


class Beside(NamedTuple):
    """A stage in all generations in which it is done: what was expected of it, and what it took.

    The `name` is that of the stage; the last row, `all`, is the sum.
    """

    name: str
    expected: ForecastRow
    taken: StageRow


def beside(ledger: Ledger) -> list[Beside]:
    """A row for each stage that was forecast and is done, and their sum; empty without any."""
    expected = ledger.forecast()
    taken = {(row.generation, row.name): row for row in ledger.stages() if row.done}
    steps = [step for step in expected if step in taken]
    if not steps:
        return []
    by_name = {name: [step for step in steps if step[1] == name] for name in STAGES}
    return [
        Beside(name, _expected([expected[step] for step in some]), _taken([taken[s] for s in some]))
        for name, some in {**by_name, "all": steps}.items()
        if some
    ]


def sentence(ledger: Ledger) -> Iterator[str]:
    """Say it in one sentence; nothing if there was no forecast, or nothing of it is done that
    takes a second."""
    for _, expected, taken in beside(ledger)[-1:]:
        if max(expected.seconds, taken.seconds) < 1:
            return
        yield (
            f"forecast for the stages that are done: {clock(expected.seconds)} "
            f"({clock(expected.low)} to {clock(expected.high)}), {expected.tokens:,.0f} tokens, "
            f"{expected.memory / 1e9:.1f} GB of memory; they took {clock(taken.seconds)}, "
            f"{taken.tokens:,} tokens, {taken.memory / 1e9:.1f} GB"
        )


def _expected(rows: Sequence[ForecastRow]) -> ForecastRow:
    return ForecastRow(
        0,
        rows[0].name,
        sum(row.tokens for row in rows),
        sum(row.seconds for row in rows),
        sum(row.low for row in rows),
        sum(row.high for row in rows),
        sum(row.cpu_seconds for row in rows),
        max(row.memory for row in rows),
    )


def _taken(rows: Sequence[StageRow]) -> StageRow:
    return StageRow(
        0,
        rows[0].name,
        sum(row.items for row in rows),
        sum(row.seconds for row in rows),
        sum(row.cpu_seconds for row in rows),
        True,
        "",
        sum(row.tokens for row in rows),
        max(row.memory for row in rows),
    )
