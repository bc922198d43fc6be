"""Requests that wait at the same time share the forward passes of one model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple

from self_evolution.errors import Stopped
from self_evolution.models import Engine, SamplingParams
from self_evolution.models.reply import Reply
from self_evolution.records import Message, seed_of
from self_evolution.serving.stopping import StopWords


class Call(NamedTuple):
    """A conversation as it is put to the model.

    `adapter` is a folder with the digest of its weights; the folder None is the base. The reply
    ends before the first of the words in `stop`.
    """

    messages: Sequence[Message]
    params: SamplingParams
    seed: int
    adapter: tuple[Path | None, str]
    stop: tuple[str, ...] = ()


class Job:
    """A call that waits for its reply or gets it; `future` has the reply in the end."""

    def __init__(self, call: Call, on_text: Callable[[str], None] | None = None) -> None:
        """`on_text` gets each piece of the reply as it comes, in the thread of the model."""
        self.call = call
        self.future: Future[Reply] = Future()
        self.begun = False
        self._on_text = on_text
        self._stop = StopWords(call.stop)
        self._text = ""

    def leave(self) -> None:
        """Nobody waits for the reply any more: end it as soon as possible, with Stopped."""
        self._end(Stopped())

    @property
    def ended(self) -> bool:
        return self.future.done()

    def shares(self, other: Job) -> bool:
        """Whether the two may be in one batch; each draws from its own seed."""
        one, two = self.call, other.call
        return (one.adapter, one.params) == (two.adapter, two.params)

    def hear(self, piece: str) -> None:
        """Take the next piece of the reply."""
        if self.ended:
            return
        self.begun = True
        self._pass_on(self._stop.take(piece))
        if self._stop.found:
            self._end(Reply(self._text.rstrip(), "stop"))

    def finish(self, reply: Reply) -> None:
        """Take the whole reply; its pieces may have come before."""
        if not self.begun:
            self.hear(reply.text)
        if not self.ended:
            self._pass_on(self._stop.rest())
            self._end(reply)

    def fail(self, error: BaseException) -> None:
        self._end(error)

    def _pass_on(self, text: str) -> None:
        self._text += text
        if text and self._on_text:
            self._on_text(text)

    def _end(self, result: Reply | BaseException) -> None:
        with _ENDING:  # the caller may leave while the reply arrives
            if self.ended:
                return
            if isinstance(result, BaseException):
                self.future.set_exception(result)
            else:
                self.future.set_result(result)


_ENDING = threading.RLock()


_PAUSE = 0.02
"""Seconds to wait for the questions of clients that have just got an answer together."""


class _NobodyWaits(Exception):
    """Every job of a batch has ended, so that the rest of its replies is not needed."""


class Batcher:
    """The one user of an engine. Jobs may be put by any thread.

    All jobs that wait when the engine is free, and may share a batch with the one that came first,
    go together, at most `size`. The thread that works ends when nothing waits.
    """

    def __init__(self, engine: Engine, size: int) -> None:
        self._engine = engine
        self._size = size
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._waiting: list[Job] = []
        self._last = 0
        self._closed = False
        self._thread: threading.Thread | None = None
        self.batches = 0
        """How many batches were begun."""

    def put(self, *jobs: Job) -> None:
        """Have jobs done; those put together may share a batch even if the engine is free now."""
        with self._lock:
            if self._closed:
                for job in jobs:
                    job.leave()
                return
            self._waiting += jobs
            self._arrived.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="model")
                self._thread.start()

    def close(self) -> None:
        """End all jobs that wait, take no more, and wait until nothing is worked on."""
        with self._lock:
            self._closed = True
            waiting = list(self._waiting)
        for job in waiting:
            job.leave()
        self.wait()

    def raise_if_closed(self) -> None:
        """Raises Stopped after `close`: long preparations for the model need not be finished."""
        if self._closed:
            raise Stopped

    def wait(self) -> None:
        """Wait until nothing is worked on and nothing waits."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while batch := self._next():
            self.batches += 1
            self._answer(batch)

    def _next(self) -> list[Job]:
        """The jobs to do now.

        After a batch of several jobs it waits a moment, until as many have come again: their
        clients need about that long to ask the next question.
        """
        with self._lock:
            if self._waiting and self._last > 1:
                self._arrived.wait_for(lambda: len(self._waiting) >= self._last, _PAUSE)
            waiting = [job for job in self._waiting if not job.ended]
            batch = [job for job in waiting if job.shares(waiting[0])][: self._size]
            taken = set(map(id, batch))
            self._waiting = [job for job in waiting if id(job) not in taken]
            self._last = len(batch)
            if not batch:
                self._thread = None
            return batch

    def _answer(self, batch: Sequence[Job]) -> None:
        def on_text(place: int, piece: str) -> None:
            batch[place].hear(piece)
            if all(job.ended for job in batch):
                raise _NobodyWaits

        call = batch[0].call
        folder, digest = call.adapter
        try:
            if folder is not None:  # the base is asked with the adapter off, and it stays loaded
                self._engine.set_adapter(folder, digest)
            replies = self._engine.generate(
                [job.call.messages for job in batch],
                call.params,
                [seed_of(job.call.seed, 0) for job in batch],
                "base" if folder is None else "current",
                on_text if "streaming" in self._engine.capabilities else None,
            )
        except _NobodyWaits:
            return
        except Exception as error:
            self._failed(batch, error)
            return
        for job, reply in zip(batch, replies, strict=True):
            job.finish(reply)

    def _failed(self, batch: Sequence[Job], error: Exception) -> None:
        """One job may have spoilt the batch, so the others are tried once more, each alone."""
        for job in batch:
            if len(batch) == 1 or job.begun:
                job.fail(error)
            else:
                self._answer([job])
