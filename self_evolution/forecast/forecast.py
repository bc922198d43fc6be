"""The forecast: for each stage its tokens, time with an interval, and memory; and the disk."""

from __future__ import annotations

import math
from dataclasses import dataclass

from self_evolution.config import Config
from self_evolution.forecast.stages import Stages
from self_evolution.forecast.storage import disk, needed, soft_targets
from self_evolution.ledger import ForecastRow
from self_evolution.schedule import STAGES, plan

UNCERTAIN = 0.15
"""The share by which prices of steps may be wrong, because a machine is not always as busy."""

GUESSED = 3.0
"""A price that was not measured may be so many times as high, or as low."""

NOT_COUNTED = ("rivals", "judge")
"""Stages of other models, about which the probe finds nothing out."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run with these settings and this share of the fragments is expected to take.

    `disk` is in bytes; `not_counted` are stages without numbers.
    """

    rows: tuple[ForecastRow, ...]
    disk: int
    not_counted: tuple[str, ...]
    settings: Config
    share: float

    @property
    def seconds(self) -> float:
        return sum(row.seconds for row in self.rows)

    @property
    def low(self) -> float:
        return sum(row.low for row in self.rows)

    @property
    def high(self) -> float:
        return sum(row.high for row in self.rows)

    @property
    def tokens(self) -> float:
        return sum(row.tokens for row in self.rows)

    @property
    def cpu_seconds(self) -> float:
        return sum(row.cpu_seconds for row in self.rows)

    @property
    def memory(self) -> int:
        return max(row.memory for row in self.rows)


def forecast(settings: Config, stages: Stages, share: float = 1.0) -> Forecast:
    """The forecast of the stages that follow `split`, for these settings and this share of the
    fragments."""
    rates = stages.sample.rates()
    variant = stages.variant()
    likely = stages.work(settings, variant, share)
    others = [
        stages.work(settings, stages.variant(sign, of), share)
        for of in ("replies", "shares")
        for sign in (-1, 1)
    ]
    memory = needed(settings)
    rows, not_counted = [], []
    for generation, name in plan(settings.generations, settings):
        work = likely.get((generation, name))
        if name in NOT_COUNTED:
            not_counted.append(name)
        if work is None:
            continue
        seconds, guessed = rates.seconds(work), rates.guessed_seconds(work)
        ends = [rates.seconds(one[generation, name]) for one in others]
        taken = memory.generating
        if name == "train":
            answers = stages.answers(settings, variant, share, generation)
            taken = memory.training + soft_targets(settings, answers)
        below = [max(0.0, seconds - min(pair)) for pair in (ends[:2], ends[2:])]
        above = [max(0.0, max(pair) - seconds) for pair in (ends[:2], ends[2:])]
        rows.append(
            ForecastRow(
                generation,
                name,
                work.tokens,
                seconds,
                max(0.0, seconds - uncertainty(seconds, (1 - 1 / GUESSED) * guessed, *below)),
                seconds + uncertainty(seconds, (GUESSED - 1) * guessed, *above),
                rates.cpu_seconds(work),
                taken,
            )
        )
    names = tuple(name for name in STAGES if name in not_counted)
    written = sum(
        one.tokens
        for work in likely.values()
        for kind, one in work.amounts.items()
        if kind in ("write", "tuned write")
    )
    on_disk = disk(settings, stages.run, written)
    return Forecast(tuple(rows), on_disk, names, settings, share)


def uncertainty(seconds: float, *parts: float) -> float:
    """By how much so many seconds may be wrong: by the prices, and by these parts."""
    return math.hypot(UNCERTAIN * seconds, *parts)
