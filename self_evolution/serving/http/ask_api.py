"""`/api/ask`: questions about the documents, answered with their sources."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
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
from self_evolution.serving.http.routed import (
    MarkedSource,
    Reliability,
    Routing,
    Way,
    marked,
    with_marks,
)

MOST_PASSAGES = 20
Asked = Annotated[Text, Field(min_length=1, pattern=r"\S")]
FragmentId = Annotated[str, Field(max_length=64)]


class EarlierTurn(Given):
    """A question of this conversation, and the answer to it."""

    question: Text
    answer: Text


class AskRequest(Given):
    """A question, put with the passages that a search finds, or from memory (`closed`).

    `passages`: how many are looked for; as many as in the evaluation if it is left out.
    `document`: the path of the only document to search. `routing`: the service decides whether the
    answer comes from memory, from passages, or is not found, where it knows how reliable that is;
    with `closed` or `passages` it never does.
    """

    question: Asked
    history: Annotated[list[EarlierTurn], Field(max_length=100, default_factory=list)]
    model: Name = LEADER
    closed: bool = False
    passages: Annotated[int, Field(ge=1, le=MOST_PASSAGES)] | None = None
    document: Annotated[str, Field(max_length=4096)] | None = None
    routing: bool = True
    stream: bool = True


class Answer(BaseModel):
    """`cut`: the answer reached the longest that is allowed. `sources`: the passages found.

    `way`: whether the answer was given from memory or from passages, or whether there is nothing
    that supports one. `reliability` is null where it is not known.
    """

    id: str
    text: str
    generation: int
    cut: bool
    sources: list[MarkedSource]
    way: Way
    reliability: Reliability | None


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["documents"])
    routing = Routing(desk)

    @router.post(
        "/api/ask", responses=documented(*ASKING, body=True) | STREAM, response_model=Answer
    )
    async def ask(request: Request, wanted: AskRequest) -> Any:
        """Answer a question.

        With `stream`, the events are `sources` (a list, before the answer), `text` (`{"text": the
        next piece}`), and in the end `done` (the whole answer) or `error`. A routed answer is one
        piece.
        """
        if wanted.closed and (wanted.passages or wanted.document):
            raise Refusal(400, "`closed` looks for no passages: give one of them", param="closed")
        desk.note(wanted.question)
        with ExitStack() as stack:
            stack.enter_context(desk.gate.enter())
            id = uuid.uuid4().hex
            generation = await desk.read(lambda: desk.generation(wanted.model))
            plain = wanted.closed or wanted.passages or not wanted.routing
            if not plain and await desk.read(lambda: routing.is_ready(generation)):
                answer = await _routed(routing, wanted, generation, id)
                if not wanted.stream:
                    return answer
                events = _at_once(answer)
            else:
                question = await desk.read(lambda: _put(desk, wanted, generation))
                if not wanted.stream:
                    return await _answer(
                        desk, id, wanted, question, await desk.reply(request, question)
                    )
                events = _events(desk, wanted, question, id)
            return StreamingResponse(
                stream(events, stack.pop_all(), named=True), media_type="text/event-stream"
            )

    return router


def _put(desk: Desk, wanted: AskRequest, generation: int) -> Question:
    return desk.answerer.put(
        wanted.question,
        _turns(wanted),
        generation,
        0 if wanted.closed else wanted.passages,
        wanted.document,
    )


def _turns(wanted: AskRequest) -> list[Turn]:
    return [Turn(one.question, one.answer) for one in wanted.history]


async def _routed(routing: Routing, wanted: AskRequest, generation: int, id: str) -> Answer:
    found = await routing.answer(wanted.question, _turns(wanted), generation, wanted.document)
    measured = found.reliability
    return Answer(
        id=id,
        text=found.text,
        generation=found.generation,
        cut=found.cut,
        sources=with_marks(found.sources, found.marks),
        way=cast(Way, found.way),
        reliability=None if measured is None else Reliability(**measured._asdict()),
    )


async def _at_once(answer: Answer) -> AsyncIterator[str]:
    yield event("sources", [one.model_dump() for one in answer.sources])
    yield event("text", {"text": answer.text})
    yield event("done", answer.model_dump())


async def _events(
    desk: Desk, wanted: AskRequest, question: Question, id: str
) -> AsyncIterator[str]:
    yield event("sources", [one.model_dump() for one in with_marks(question.sources)])
    async for piece in desk.pieces(question):
        if isinstance(piece, str):
            yield event("text", {"text": piece})
        else:
            yield event("done", (await _answer(desk, id, wanted, question, piece)).model_dump())


async def _answer(
    desk: Desk, id: str, wanted: AskRequest, question: Question, reply: Reply
) -> Answer:
    places = question.sources
    found = await desk.read(lambda: marked(desk, wanted.question, reply.text, places))
    return Answer(
        id=id,
        text=reply.text,
        generation=question.generation,
        cut=reply.finish_reason == "length",
        sources=found,
        way="passages" if places else "memory",
        reliability=None,
    )
