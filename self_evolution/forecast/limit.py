"""The time that a probe may take: a model that is at work when it is over gives its work up."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from self_evolution.errors import Stopped
from self_evolution.progress import interrupt

clock = time.perf_counter
"""The seconds on the clock."""

LOOK = 0.2
"""Seconds after which the clock is looked at again."""


class TimeOver(Stopped):
    """The probe's time was over while a model was at work."""


class Limit:
    """Counts the seconds since it was made, and the CPU seconds, without those of pauses."""

    def __init__(self) -> None:
        self._start, self._cpu = clock(), time.process_time()
        self._stopped: float | None = None

    @property
    def spent(self) -> float:
        return (clock() if self._stopped is None else self._stopped) - self._start

    @property
    def cpu_spent(self) -> float:
        return time.process_time() - self._cpu

    @contextmanager
    def pause(self) -> Iterator[None]:
        """The time of the block does not count, and nothing in it is given up."""
        if self._stopped is not None:  # a pause in a pause
            yield
            return
        self._stopped, cpu = clock(), time.process_time()
        try:
            yield
        finally:
            self._start += clock() - self._stopped
            self._cpu += time.process_time() - cpu
            self._stopped = None

    @contextmanager
    def upto(self, seconds: float) -> Iterator[None]:
        """Raises TimeOver in the block once so many seconds are spent and a model is at work.

        It comes in the midst of a step, as a request to stop does. Work that may not be
        interrupted is done first. The block must be in the main thread.
        """

        def look(number: int, frame: FrameType | None) -> None:
            if self.spent >= seconds:
                interrupt(TimeOver)

        handler = signal.signal(signal.SIGALRM, look)
        timer = signal.setitimer(signal.ITIMER_REAL, LOOK, LOOK)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, *timer)
            signal.signal(signal.SIGALRM, handler)
