"""How long the rest of a run will take: its forecast, corrected by what its stages took so far."""

from __future__ import annotations

import time
from typing import NamedTuple

from self_evolution.config import Config
from self_evolution.ledger import Ledger
from self_evolution.progress import clock
from self_evolution.run.at_work import AtWork
from self_evolution.schedule import left, plan

TRUST = 0.1
"""The ratio counts as if this share of the forecast had come true already, because the first stages
are short and say little about the others."""


class Outlook(NamedTuple):
    """Seconds that the run still takes, with their interval."""

    seconds: float
    low: float
    high: float


def outlook(config: Config, ledger: Ledger, noted: AtWork | None = None) -> Outlook | None:
    """The time that the run still takes; None if it has no forecast, or nothing is left. `noted` is
    what its process does at this moment, if a process is at work. A generation that was added after
    the forecast is expected to take what the last forecast one takes."""
    expected = ledger.forecast()
    last = {name: expected[generation, name] for generation, name in sorted(expected)}
    for step in plan(config.generations, config):
        if step not in expected and step[0] and step[1] in last:
            expected[step] = last[step[1]]
    todo = [step for step in left(config, ledger) if step in expected]
    if not todo:
        return None
    took = {(row.generation, row.name): row for row in ledger.stages()}
    done = [step for step, row in took.items() if row.done and step in expected]
    prior = TRUST * sum(row.seconds for row in expected.values())
    factor = (sum(took[step].seconds for step in done) + prior) / max(
        1e-9, sum(expected[step].seconds for step in done) + prior
    )
    seconds = low = high = 0.0
    for step in todo:
        row = expected[step]
        spent = took[step].seconds if step in took else 0.0
        counted = 0.0
        if noted and (noted.generation, noted.stage) == step:
            spent += max(0.0, time.time() - noted.since)
            counted = noted.seconds_left or 0.0
        seconds += max(factor * row.seconds - spent, counted)
        low += max(factor * row.low - spent, counted)
        high += max(factor * row.high - spent, counted)
    return Outlook(seconds, low, high)


def describe(found: Outlook) -> str:
    """`about 12 min 05 s left of the run (10 min 20 s to 15 min 00 s)`."""
    ends = f"{clock(found.low)} to {clock(found.high)}"
    return f"about {clock(found.seconds)} left of the run ({ends})"
