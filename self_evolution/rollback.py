"""The policy after a generation that is not promoted: where the next one starts, when a run ends.

The functions are pure. They take settings and the numbers of two generations: the leader, which was
promoted last, and the last one that promotion has decided on. Generation 0 is the base model.
"""

from __future__ import annotations

from typing import NamedTuple

from self_evolution.config import Config

MOST_REHEARSAL = 0.5
"""The largest share of a training set that a rollback makes rehearsal."""


class Start(NamedTuple):
    """The conditions under which a generation is made.

    `parent` is the generation whose model asks the questions and is trained further. `rate`
    multiplies the learning rate that the generation would have without a rollback. `rehearsal` is a
    share of its training set.
    """

    parent: int
    rate: float
    rehearsal: float


def start(config: Config, generation: int, leader: int) -> Start:
    """Return the conditions for `generation`, 1 or above, while `leader` leads.

    Each generation since the leader that was rolled back halves the learning rate, doubles
    rehearsal, or does both (`promote.on_failure`). With `promote.on_failure: continue`, a
    generation continues the one before.
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
    """Describe what the rollback changes in a generation; empty if it changes nothing."""
    _, rate, share = start(config, generation, leader)
    changes = []
    if rate != 1:
        changes.append(f"{rate:g} of the learning rate")
    if share != (before := config.train.rehearsal):
        changes.append(f"{share:.0%} rehearsal instead of {before:.0%}")
    return " and ".join(changes)
