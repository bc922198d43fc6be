"""What follows when a generation is not promoted: where the next one starts, and when a run ends.

Pure functions on settings and on the numbers of two generations: the leader, which was promoted
last, and the last one that promotion has decided on. Generation 0 is the base model.
"""

from __future__ import annotations

from typing import NamedTuple

from self_evolution.config import Config

MOST_REHEARSAL = 0.5
"""The largest share of a training set that a rollback makes rehearsal."""


class Start(NamedTuple):
    """How a generation is made.

    `parent` is the generation whose model asks for it and is trained further. `rate` multiplies the
    learning rate that it would have without a rollback. `rehearsal` is a share of its training set.
    """

    parent: int
    rate: float
    rehearsal: float


def start(config: Config, generation: int, leader: int) -> Start:
    """How `generation`, 1 or above, is made while `leader` leads.

    Each generation that was rolled back since halves the learning rate, doubles rehearsal, or does
    both (`promote.on_failure`). With `promote.rollback` off a generation continues the one before.
    """
    settings, rehearsal = config.promote, config.train.rehearsal
    parent = leader if settings.rollback else generation - 1
    failures = generation - 1 - parent
    slower = settings.on_failure in ("lower-rate", "both")
    rehearsed = settings.on_failure in ("more-rehearsal", "both")
    if rehearsed:
        rehearsal = min(rehearsal * 2.0**failures, max(rehearsal, MOST_REHEARSAL))
    return Start(parent, 0.5**failures if slower else 1.0, rehearsal)


def out_of_patience(config: Config, leader: int, last: int) -> bool:
    """Whether a run ends before `config.generations`, because of `promote.patience`."""
    spent = 0 < config.promote.patience <= last - leader
    return spent and last < config.generations


def describe_start(config: Config, generation: int, leader: int) -> str:
    """What the rollback changes in a generation, for people; empty if that is nothing."""
    _, rate, share = start(config, generation, leader)
    told = []
    if rate != 1:
        told.append(f"{rate:g} of the learning rate")
    if share != (before := config.train.rehearsal):
        told.append(f"{share:.0%} rehearsal instead of {before:.0%}")
    return " and ".join(told)
