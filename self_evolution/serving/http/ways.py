"""The way of each answer: from memory, from passages, or none, as far as it is calibrated."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

from pydantic import BaseModel

from self_evolution.errors import Stopped, UserError
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import Answerer
from self_evolution.serving.http.guard import LOG, log_error
from self_evolution.serving.http.openai_shapes import Source
from self_evolution.serving.http.places import shown
from self_evolution.serving.routing import Mark, Routed, Router
from self_evolution.serving.routing.calibration import Calibration
from self_evolution.serving.sources import Source as Found

Way = Literal["memory", "passages", "nothing"]
_AGAIN = 60.0
"""Seconds after which it is looked up again whether a calibration still fits the run."""


class Marked(BaseModel):
    """The sentence of a passage that supports the answer.

    `start` and `end` are offsets in the text of the passage; `spans` are offsets in `sentence` of
    what the answer has too. All count characters.
    """

    start: int
    end: int
    sentence: str
    spans: list[tuple[int, int]]


class MarkedSource(Source):
    """A passage, and the sentence in it that supports the answer, if one does."""

    mark: Marked | None = None


class Measured(BaseModel):
    """Of `questions` answers like this one, the share `right` was right."""

    right: float
    questions: int


class Ways:
    """Holds the calibration of each generation that was asked; each is made in the background.

    Until it is there, questions are answered from passages, and their reliability is not known.
    They wait for one batch of it at most.
    """

    def __init__(self, run: RunReader, answerer: Answerer) -> None:
        self.router = Router(run, answerer, LOG.info)
        self._thread = ThreadPoolExecutor(1, "calibration")
        self._asked: dict[int, tuple[float, Future[Calibration | None]]] = {}
        self._known: dict[int, Calibration] = {}

    def known(self, generation: int) -> Calibration | None:
        """The calibration of a generation, if it is there and says something.

        After a change of the run, the old one serves until the new one is made.
        """
        at, future = self._asked.get(generation, (0.0, None))
        if future and future.done() and (found := future.result()) is not None:
            self._known[generation] = found
        if future is None or (future.done() and time.monotonic() - at > _AGAIN):
            future = self._thread.submit(self._calibrate, generation)
            self._asked[generation] = time.monotonic(), future
        known = self._known.get(generation)
        return known if known and known.models else None

    def close(self) -> None:
        """Wait until nothing is calibrated; the answerer is closed already, so that this ends."""
        self._thread.shutdown(cancel_futures=True)

    def _calibrate(self, generation: int) -> Calibration | None:
        try:
            return self.router.calibration(generation)
        except Stopped:
            return None
        except UserError as error:
            LOG.error("%s", error)
            return None
        except Exception:  # questions are answered all the same, from passages
            log_error("the calibration")
            return None


def marked(routed: Routed) -> list[MarkedSource]:
    """The passages of an answer with their marks."""
    return [
        MarkedSource(**source.model_dump(), mark=_marked(mark))
        for source, mark in zip(shown(routed.sources), routed.marks, strict=True)
    ]


def unmarked(found: Sequence[Found]) -> list[MarkedSource]:
    """Passages in which nothing is marked."""
    return [MarkedSource(**one.model_dump()) for one in shown(found)]


def measured(routed: Routed) -> Measured | None:
    one = routed.reliability
    return Measured(right=one.share, questions=one.n) if one else None


def _marked(mark: Mark | None) -> Marked | None:
    if mark is None:
        return None
    return Marked(start=mark.start, end=mark.end, sentence=mark.sentence, spans=list(mark.spans))
