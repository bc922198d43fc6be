"""What the service takes on at most, and what it does at that limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from self_evolution.serving.http.problems import Refusal


class Limits(NamedTuple):
    """Sizes are in bytes, times in seconds.

    `waiting`: questions that are answered or wait at the same time. `tokens`: the longest reply
    that may be asked for. `answer`: from a question to the end of its answer. `slow`: for a client
    to send a request, or to take the next part of a response. `idle`: for a connection without a
    request. `grace`: for running requests to end when the service is stopped. `file`, `upload`:
    one uploaded document, and all those of a new run, of which there are `files` at most.
    """

    waiting: int = 128
    tokens: int = 4096
    answer: float = 120.0
    slow: float = 10.0
    idle: float = 60.0
    grace: float = 5.0
    body: int = 1 << 20
    connections: int = 1000
    file: int = 100 << 20
    upload: int = 1 << 30
    files: int = 1000


class Gate:
    """Counts the questions that are in the service, and refuses those that are too many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.inside = 0

    @contextmanager
    def enter(self, questions: int = 1) -> Iterator[None]:
        """Count more questions until the block ends. Raises Refusal (429) if they are too many."""
        if self.inside + questions > self._most:
            raise Refusal(
                429,
                f"too many questions wait or are being answered (at most {self._most}); try again "
                "in a moment",
                "rate_limit_exceeded",
                {"Retry-After": "1"},
            )
        self.inside += questions
        try:
            yield
        finally:
            self.inside -= questions
