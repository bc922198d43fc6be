"""What the models of this process do: tokens that are read, written, trained on or scored.

Every step of a model reports here. Whoever wants to know what steps cost listens for a while.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

Kind = Literal["read", "write", "train", "score"]
"""A prompt is read; each further token is written; answers are trained on, or scored."""


class Event(NamedTuple):
    """A step of a model: `tokens` tokens at once, each of which looks back at up to `width` others.

    The times are those since the event before, or since the work began.
    """

    kind: Kind
    tokens: int
    width: int
    seconds: float
    cpu_seconds: float


class _State:
    tokens = 0
    listeners: list[list[Event]] = []  # noqa: RUF012 - there is one state in a process
    seconds = cpu_seconds = 0.0
    cpu_seconds_elsewhere = 0.0
    memory_elsewhere = 0


def pulse(tokens: int, kind: Kind, width: int = 0) -> None:
    """Report that a model has done a step with this many tokens."""
    _State.tokens += tokens
    if _State.listeners:
        seconds, cpu = _State.seconds, _State.cpu_seconds
        begin()
        event = Event(kind, tokens, width, _State.seconds - seconds, _State.cpu_seconds - cpu)
        for listener in _State.listeners:
            listener.append(event)


def elsewhere(tokens: int) -> None:
    """Report tokens that a model has done in another process."""
    _State.tokens += tokens


def begin() -> None:
    """Report that a model begins to work: the time until now was for something else."""
    if _State.listeners:
        _State.seconds, _State.cpu_seconds = time.perf_counter(), time.process_time()


def tokens() -> int:
    """All tokens so far."""
    return _State.tokens


def cost_elsewhere(cpu_seconds: float, memory: int) -> None:
    """Report what a process that worked for this one has taken."""
    _State.cpu_seconds_elsewhere += cpu_seconds
    _State.memory_elsewhere = max(_State.memory_elsewhere, memory)


def cpu_seconds() -> float:
    """The CPU time of this process and of those that worked for it."""
    return time.process_time() + _State.cpu_seconds_elsewhere


def memory() -> int:
    """The most memory that one process has taken so far, in bytes: of its device, or on a CPU."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        own = int(torch.cuda.max_memory_allocated())
    else:
        unit = 1 if sys.platform == "darwin" else 1024
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return max(own, _State.memory_elsewhere)


@contextmanager
def listening() -> Iterator[list[Event]]:
    """The events of the block, in a list that grows."""
    events: list[Event] = []
    _State.listeners.append(events)
    begin()
    try:
        yield events
    finally:
        _State.listeners = [one for one in _State.listeners if one is not events]
