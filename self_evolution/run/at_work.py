"""Notes what the process at work on a run does at this moment, for commands that watch the run.

It is kept in the ledger beside the settings, and is no part of the results: exports leave it out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from self_evolution.ledger import Ledger
from self_evolution.progress import Count, Progress

PAUSE = 1.0
"""Seconds between two notes, so that writing them takes no noticeable time."""

_KEY = "at_work"


class AtWork(NamedTuple):
    """A stage and, once it has a bar, how far that is (`counted`). Times are in seconds since 1970.

    `since` is when the process began the stage, `counted_since` when it began to count. `note` is
    what stands beside the bar, such as the loss.
    """

    generation: int
    stage: str
    since: float
    counted: Count | None = None
    counted_since: float = 0.0
    note: str = ""

    @property
    def seconds_left(self) -> float | None:
        """The time that the rest takes at the pace so far; None where there is no pace yet."""
        if self.counted is None or self.counted.done <= self.counted.first:
            return None
        new, rest = self.counted.done - self.counted.first, self.counted.total - self.counted.done
        return max(0.0, (time.time() - self.counted_since) / new * rest)


@contextmanager
def at_work(ledger: Ledger, progress: Progress, generation: int, stage: str) -> Iterator[None]:
    """Note in the ledger that a stage begins, and about once a second how far it is."""
    since = counted_since = time.time()
    noted, bar = 0.0, None

    def watch(count: Count) -> None:
        nonlocal noted, bar, counted_since
        begins = bar != (bar := count._replace(done=0))
        if begins:
            counted_since = time.time()
        if begins or time.monotonic() - noted >= PAUSE:
            noted = time.monotonic()
            ledger.set_meta(
                _KEY, AtWork(generation, stage, since, count, counted_since, progress.note)
            )

    ledger.set_meta(_KEY, AtWork(generation, stage, since))
    progress.watcher = watch
    try:
        yield
    finally:
        progress.watcher = None


def read_at_work(ledger: Ledger) -> AtWork | None:
    """Return the last note. It is out of date if no process is at work, or if the stage is done."""
    if (row := ledger.meta(_KEY)) is None:
        return None
    noted = AtWork(*row)
    return noted._replace(counted=Count(*noted.counted)) if noted.counted else noted


def forget(ledger: Ledger) -> None:
    """Remove the note of a process that was killed."""
    if ledger.meta(_KEY) is not None:
        ledger.set_meta(_KEY, None)
