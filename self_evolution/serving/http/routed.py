"""Routing for the service: which questions are routed, and answers as clients see them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from pydantic import BaseModel

from self_evolution.serving.answering import Turn
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.openai_shapes import Source
from self_evolution.serving.http.places import shown
from self_evolution.serving.http.problems import Refusal
from self_evolution.serving.routing import Routed, Router, calibration
from self_evolution.serving.routing.marks import Mark as Found
from self_evolution.serving.routing.marks import mark
from self_evolution.serving.routing.router import RECHECKED
from self_evolution.serving.sources import Source as Place

Way = Literal["memory", "passages", "nothing"]
_THREADS = 32
"""Routed questions that are worked on at the same time: each waits in a thread of its own."""


class Mark(BaseModel):
    """The sentence of a passage that supports the answer.

    `start` and `end` are its place in the passage, and `spans` are the places within `sentence` of
    the values or words that the answer has too, all in characters.
    """

    start: int
    end: int
    sentence: str
    spans: list[tuple[int, int]]


class MarkedSource(Source):
    """`mark` is null where no sentence of the passage supports the answer."""

    mark: Mark | None


class Reliability(BaseModel):
    """Of `n` answers of known truth that were like this one, `share` were right (0 to 1)."""

    share: float
    n: int


class Routing:
    """Routes the questions to generations that are calibrated; it calibrates none itself.

    `self-evolution serve` has the leader calibrated before it listens. That takes long, so a
    generation that leads later is routed once a calibration of it is kept in the run's folder.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._router = Router(desk.run, desk.answerer)
        self._threads = ThreadPoolExecutor(_THREADS, "routing")
        self._ready: dict[int, tuple[float, bool]] = {}

    def is_ready(self, generation: int) -> bool:
        """Whether questions to a generation can be routed. It reads the run."""
        checked, ready = self._ready.get(generation, (0.0, False))
        if time.monotonic() - checked > RECHECKED or not ready:
            with self._desk.run.snapshot():
                found = calibration.load(self._desk.run, generation)
            ready = found is not None and found.models is not None
            self._ready[generation] = time.monotonic(), ready
        return ready

    async def answer(
        self, question: str, history: Sequence[Turn], generation: int, document: str | None
    ) -> Routed:
        """The routed answer. Raises Refusal as `Desk.reply` does."""
        desk = self._desk
        try:
            async with asyncio.timeout(desk.limits.answer):
                return await desk.read(
                    lambda: self._router.answer(question, history, generation, None, document),
                    self._threads,
                )
        except TimeoutError:
            seconds = f"{desk.limits.answer:g}"
            raise Refusal(504, f"the answer took more than {seconds} seconds", "timeout") from None


def marked(desk: Desk, question: str, answer: str, places: Sequence[Place]) -> list[MarkedSource]:
    """Passages with the sentence of each that supports an answer. It reads the run."""
    fragments = desk.run.ledger.fragments.get([one.fragment_id for one in places])
    return with_marks(places, [mark(question, answer, one.text) for one in fragments])


def with_marks(
    places: Sequence[Place], marks: Sequence[Found | None] | None = None
) -> list[MarkedSource]:
    """Passages with their marks; without `marks`, with none, as before an answer."""
    return [
        MarkedSource(**source.model_dump(), mark=one and Mark(**one._asdict()))
        for source, one in zip(shown(places), marks or [None] * len(places), strict=True)
    ]
