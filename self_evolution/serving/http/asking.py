"""Putting questions to the model for clients that may leave at any time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import Request

from self_evolution.errors import Stopped, UserError
from self_evolution.models import TOO_LONG, Reply
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import (
    LEADER,
    Answerer,
    NoSuchDocument,
    Question,
    TooLong,
    generation,
)
from self_evolution.serving.http.guard import LOG
from self_evolution.serving.http.limits import Gate, Limits
from self_evolution.serving.http.metrics import Metrics
from self_evolution.serving.http.problems import Refusal
from self_evolution.serving.http.ways import Ways
from self_evolution.serving.processes import Conflict, Processes
from self_evolution.serving.starting import Starter

T = TypeVar("T")
_FEW, _TOGETHER = 8, 0.1
"""While more questions than this are inside, pieces are sent together, so many seconds apart."""

_THREADS = 4
"""Threads that read the run and make prompts. The model has a thread of its own."""


class Desk:
    """Where questions come in. Its methods belong to the event loop of the service."""

    def __init__(
        self,
        run: RunReader,
        answerer: Answerer,
        limits: Limits,
        metrics: Metrics,
        log_questions: bool = False,
        processes: Processes | None = None,
        starter: Starter | None = None,
    ) -> None:
        """`processes` go on with runs, and `starter` starts them; without them, neither is
        offered."""
        self.run, self.answerer, self.limits, self.metrics = run, answerer, limits, metrics
        self.processes, self.starter = processes, starter
        self.gate = Gate(limits.waiting)
        self.ways = Ways(run, answerer)
        self._log_questions = log_questions
        self._threads = ThreadPoolExecutor(_THREADS, "reader")
        metrics.watch("questions_inside", "Questions that wait or are answered", self._inside)
        metrics.watch("batches", "Batches that the model was given", lambda: answerer.batches)
        metrics.watch(
            "leader", "The generation that leads", lambda: run.ledger.evaluations.leader()
        )

    def _inside(self) -> float:
        return self.gate.inside

    def close(self) -> None:
        """Wait until nobody reads the run and the model works on nothing."""
        self.answerer.close()
        self._threads.shutdown()
        self.ways.close()
        if self.starter:
            self.starter.close()

    async def read(self, work: Callable[[], T]) -> T:
        """Call `work`, which reads the run, in a thread of its own.

        Raises Refusal for what the client can mend, and 503 where a file of the run is missing.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, work)
        except TooLong as error:
            raise Refusal(400, str(error), "context_length_exceeded") from None
        except NoSuchDocument as error:
            raise Refusal(404, str(error), "document_not_found", param="document") from None
        except UserError as error:
            raise _missing(error) from None

    async def attempt(self, work: Callable[[], T]) -> T:
        """Call work that the client may have asked for wrongly, in a thread of its own.

        Raises Refusal with what is wrong, and 503 where the disk takes no more.
        """

        def attempted() -> T:
            try:
                return work()
            except Conflict as error:
                raise Refusal(409, str(error), "conflict") from None
            except UserError as error:
                raise Refusal(400, str(error), "invalid_value") from None
            except OSError as error:
                raise Refusal(503, f"nothing was written: {error.strerror}", "disk") from None

        return await self.read(attempted)

    def generation(self, name: str) -> int:
        """The generation that a name stands for now. Raises Refusal (404) if there is none."""
        try:
            return generation(self.run, name)
        except UserError:
            kind = "no generation leads yet" if name == LEADER else "there is no such model"
            raise Refusal(404, f"{name}: {kind}", "model_not_found", param="model") from None

    def note(self, text: str) -> None:
        """Log a question, where that was asked for."""
        if self._log_questions:
            LOG.info("question: %r", text)

    async def replies(
        self,
        request: Request,
        questions: Sequence[Question],
        on_text: Callable[[str], None] | None = None,
    ) -> list[Reply]:
        """The replies to questions that wait together. Raises Refusal as `reply` does."""
        if len(questions) == 1:
            return [await self.reply(request, questions[0], on_text)]
        tasks = [asyncio.ensure_future(self.reply(request, one, on_text)) for one in questions]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    async def reply(
        self, request: Request, question: Question, on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """The whole reply; `on_text` gets its pieces in the thread of the model.

        Raises Refusal if it takes too long, or if the client has left.
        """
        job = self.answerer.start(question, on_text)
        answered = asyncio.ensure_future(asyncio.wrap_future(job.future))
        left = asyncio.create_task(_left(request))
        try:
            await asyncio.wait(
                (answered, left), timeout=self.limits.answer, return_when=asyncio.FIRST_COMPLETED
            )
            if not answered.done():
                raise Refusal(400, "the client has left") if left.done() else self._late()
            return self._counted(question, _explained(answered))
        finally:
            left.cancel()
            job.leave()
            with contextlib.suppress(Stopped, asyncio.CancelledError, Exception):
                await answered

    async def pieces(self, question: Question) -> AsyncIterator[str | Reply]:
        """The pieces of the reply as they come, and the reply in the end.

        Raises Refusal as `reply` does. Closing the iterator ends the reply.
        """
        start = time.perf_counter()
        loop = asyncio.get_running_loop()
        come: asyncio.Queue[str | None] = asyncio.Queue()

        def put(piece: str | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop ended before the model's thread
                loop.call_soon_threadsafe(come.put_nowait, piece)

        job = self.answerer.start(question, put)
        job.future.add_done_callback(lambda _: put(None))
        first = True
        try:
            async with asyncio.timeout(self.limits.answer):
                while (piece := await come.get()) is not None:
                    if first:
                        self.metrics.first_text(time.perf_counter() - start)
                        first = False
                    yield piece
                    if self.gate.inside > _FEW:
                        await asyncio.sleep(_TOGETHER)
                        if more := "".join(_ready(come)):
                            yield more
            yield self._counted(question, _explained(job.future))
        except TimeoutError:
            raise self._late() from None
        finally:
            job.leave()

    def usage(self, question: Question, reply: Reply) -> tuple[int, int]:
        """The tokens of a prompt and of the reply to it."""
        if reply.ids is not None:
            return question.tokens, len(reply.ids)
        return question.tokens, len(self.answerer.engine.text_ids(reply.text, reply=True))

    def _counted(self, question: Question, reply: Reply) -> Reply:
        self.metrics.tokens(*self.usage(question, reply))
        return reply

    def _late(self) -> Refusal:
        return Refusal(504, f"the answer took more than {self.limits.answer:g} seconds", "timeout")


def _ready(come: asyncio.Queue[str | None]) -> list[str]:
    """The pieces that have come; the end, if it has come, stays."""
    found: list[str] = []
    while not come.empty():
        piece = come.get_nowait()
        if piece is None:
            come.put_nowait(None)
            break
        found.append(piece)
    return found


async def _left(request: Request) -> None:
    """Returns when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _explained(future: Any) -> Reply:
    """The result of a job that has ended. Raises Refusal where there is none."""
    try:
        reply: Reply = future.result()
    except UserError as error:
        raise _missing(error) from None
    if reply.finish_reason == TOO_LONG:
        raise Refusal(400, "the question does not fit the model", "context_length_exceeded")
    return reply


def _missing(error: UserError) -> Refusal:
    """The person who runs the service has to mend this; the message may name their files."""
    logging.getLogger(LOG.name).error("%s", error)
    return Refusal(503, "the service lacks a file of its run; its log says which")
