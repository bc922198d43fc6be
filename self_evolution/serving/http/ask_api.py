"""`/api/ask`: questions about the documents, answered with their sources."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from typing import Annotated, Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from self_evolution.models import Reply
from self_evolution.serving.answering import LEADER, Question, Turn
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.events import STREAM, event, stream
from self_evolution.serving.http.openai_shapes import Name, Text
from self_evolution.serving.http.problems import ASKING, Given, Refusal, documented
from self_evolution.serving.http.ways import MarkedSource, Measured, Way, marked, measured, unmarked
from self_evolution.serving.routing import Pending
from self_evolution.serving.routing.asking import certain, told
from self_evolution.serving.routing.calibration import Calibration

MOST_PASSAGES = 20
_SIGN = 1.0
"""Seconds between two signs of life before an answer."""
Asked = Annotated[Text, Field(min_length=1, pattern=r"\S")]
FragmentId = Annotated[str, Field(max_length=64)]


class EarlierTurn(Given):
    """A question of this conversation, and the answer to it."""

    question: Text
    answer: Text


class AskRequest(Given):
    """A question, put with the passages that a search finds, or from memory (`closed`).

    `passages`: how many are looked for; as many as in the evaluation if it is left out.
    `document`: the path of the only document to search. `routing`: choose for each question whether
    the answer from memory, the one from passages, or none is reliable enough; it is not done with
    `closed` or `passages`, nor while the service is still measuring the reliability.
    """

    question: Asked
    history: Annotated[list[EarlierTurn], Field(max_length=100, default_factory=list)]
    model: Name = LEADER
    closed: bool = False
    passages: Annotated[int, Field(ge=1, le=MOST_PASSAGES)] | None = None
    document: Annotated[str, Field(max_length=4096)] | None = None
    routing: bool = True
    stream: bool = True

    @property
    def turns(self) -> list[Turn]:
        return [Turn(one.question, one.answer) for one in self.history]


class Answer(BaseModel):
    """`cut`: the answer reached the longest that is allowed. `sources`: the passages found.

    `way`: the answer is from memory, from the passages, or nothing was found that supports one, as
    `text` then says. `reliability` is null where it was not measured.
    """

    id: str
    text: str
    generation: int
    cut: bool
    way: Way
    reliability: Measured | None
    sources: list[MarkedSource]


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["documents"])

    @router.post(
        "/api/ask", responses=documented(*ASKING, body=True) | STREAM, response_model=Answer
    )
    async def ask(request: Request, wanted: AskRequest) -> Any:
        """Answer a question.

        With `stream`, the events are `sources` (a list, before the answer), `text` (`{"text": the
        next piece}`), and in the end `done` (the whole answer) or `error`. While it is not decided
        which answer is given, `progress` (`{"characters": so many the model has written}`) comes
        each second.
        """
        if wanted.closed and (wanted.passages or wanted.document):
            raise Refusal(400, "`closed` looks for no passages: give one of them", param="closed")
        desk.note(wanted.question)
        with ExitStack() as stack:
            stack.enter_context(desk.gate.enter())
            id = uuid.uuid4().hex
            number = await desk.read(lambda: desk.generation(wanted.model))
            plain = not wanted.routing or wanted.closed or wanted.passages is not None
            if not plain and (known := desk.ways.known(number)):
                pending = await desk.read(lambda: _pending(desk, wanted, known, number))
                if wanted.stream:
                    events = _decided(desk, request, pending, id)
                    return StreamingResponse(
                        stream(events, stack.pop_all(), named=True), media_type="text/event-stream"
                    )
                return await _decide(desk, request, pending, id)
            question = await desk.read(lambda: _put(desk, wanted, number))
            if wanted.stream:
                events = _events(desk, question, id)
                return StreamingResponse(
                    stream(events, stack.pop_all(), named=True), media_type="text/event-stream"
                )
            return _answer(id, question, await desk.reply(request, question))

    return router


def _pending(desk: Desk, wanted: AskRequest, known: Calibration, number: int) -> Pending:
    router = desk.ways.router
    return router.put(
        known, wanted.question, wanted.turns, number, wanted.passages, wanted.document
    )


async def _decide(
    desk: Desk,
    request: Request,
    pending: Pending,
    id: str,
    on_text: Callable[[str], None] | None = None,
) -> Answer:
    """The answer in the way that is reliable; the model answers in each way first, if it can."""
    answerer, router = desk.answerer, desk.ways.router
    if (routed := await desk.read(lambda: router.not_found(pending))) is None:
        questions = [certain(answerer, one) for one in pending.questions]
        replies = [told(one) for one in await desk.replies(request, questions, on_text)]
        routed = await desk.read(lambda: router.decide(pending, replies))
    return Answer(
        id=id,
        text=routed.text,
        generation=routed.generation,
        cut=routed.cut,
        way=cast(Way, routed.way),
        reliability=measured(routed),
        sources=marked(routed),
    )


async def _decided(desk: Desk, request: Request, pending: Pending, id: str) -> AsyncIterator[str]:
    """The events of an answer whose way is chosen: its text comes as a whole.

    The way follows from both answers, whole: how sure the model was of each, and whether they
    agree. So no piece of either may be shown before; how much is written tells that work goes on.
    """
    yield event("sources", _places(pending.questions[-1]))
    written: list[int] = []
    decided = asyncio.ensure_future(
        _decide(desk, request, pending, id, lambda piece: written.append(len(piece)))
    )
    try:
        while not (await asyncio.wait({decided}, timeout=_SIGN))[0]:
            yield event("progress", {"characters": sum(written)})
        answer = decided.result()
    finally:
        decided.cancel()
    yield event("text", {"text": answer.text})
    yield event("done", answer.model_dump())


def _put(desk: Desk, wanted: AskRequest, number: int) -> Question:
    return desk.answerer.put(
        wanted.question,
        wanted.turns,
        number,
        0 if wanted.closed else wanted.passages,
        wanted.document,
    )


async def _events(desk: Desk, question: Question, id: str) -> AsyncIterator[str]:
    yield event("sources", _places(question))
    async for piece in desk.pieces(question):
        if isinstance(piece, str):
            yield event("text", {"text": piece})
        else:
            yield event("done", _answer(id, question, piece).model_dump())


def _answer(id: str, question: Question, reply: Reply) -> Answer:
    return Answer(
        id=id,
        text=reply.text,
        generation=question.generation,
        cut=reply.finish_reason == "length",
        way="passages" if question.sources else "memory",
        reliability=None,
        sources=unmarked(question.sources),
    )


def _places(question: Question) -> list[dict[str, Any]]:
    """The passages of a question before it is answered, so that nothing is marked in them."""
    return [one.model_dump() for one in unmarked(question.sources)]
