"""Settings with which a run ends in a given time: the first of a row of plans that fits.

Each plan asks for less than the one before it. Test questions decide whether a gain can be shown,
so only documents are given up after them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from self_evolution.config import Config
from self_evolution.evaluation.building import builds
from self_evolution.forecast.forecast import Forecast, forecast
from self_evolution.forecast.stages import Stages

FEWEST = 50
"""Fewer test questions of a kind than this are not planned."""


class Plan(NamedTuple):
    """Settings to change, as flat keys, and what the run is then expected to take."""

    changes: dict[str, Any]
    forecast: Forecast


def choose(stages: Stages, settings: Config, hours: float) -> tuple[Plan, bool]:
    """The first plan that ends in time even at the upper end of its interval, and True. If there is
    none, the smallest plan, and False."""
    plan = Plan({}, forecast(settings, stages))
    for changes, share in _plans(settings):
        if share < 1:
            changes = changes | {"read.limit": _sections(stages, share)}
        plan = Plan(changes, forecast(settings.changed(changes), stages, share))
        if plan.forecast.high <= hours * 3600:
            return plan, True
    return plan, False


def _plans(settings: Config) -> Iterator[tuple[dict[str, Any], float]]:
    """Settings to change, and the share of the documents, in the order of what is given up.

    Generations down to two; questions about a fragment down to two; generations down to one; half
    of the built questions and of the rehearsal, twice; questions about a fragment down to one; then
    half of the documents, six times.
    """
    changes: dict[str, Any] = {}
    yield {}, 1.0
    for generations in range(settings.generations - 1, 1, -1):
        changes = changes | {"generations": generations}
        yield changes, 1.0
    asked = settings.ask.per_fragment
    while asked > 2:
        asked = max(2, asked // 2)
        changes = changes | {"ask.per_fragment": asked}
        yield changes, 1.0
    if settings.generations > 1:
        changes = changes | {"generations": 1}
        yield changes, 1.0
    for part in (2, 4):
        fewer = {
            f"evaluate.{name}": max(FEWEST, getattr(settings.evaluate, name) // part)
            for name in ("questions", "abilities")
            if getattr(settings.evaluate, name) > FEWEST
            and (name != "questions" or builds(settings))
        }
        fewer |= {
            f"rehearse.{origin}": number // part
            for origin, number in settings.rehearse.counts().items()
            if number
        }
        changes = changes | fewer
        yield changes, 1.0
    if asked > 1:
        changes = changes | {"ask.per_fragment": 1}
        yield changes, 1.0
    for halvings in range(1, 7):
        yield changes, 1 / 2**halvings


def _sections(stages: Stages, share: float) -> int:
    return max(1, int(share * stages.run.ledger.count("section")))
