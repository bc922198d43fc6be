"""`/api/ask`: questions about the documents, answered with their sources."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from self_evolution.models import Reply
from self_evolution.serving.answering import LEADER, Question, Turn
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.events import STREAM, event, stream
from self_evolution.serving.http.openai_shapes import Name, Source, Text
from self_evolution.serving.http.places import shown
from self_evolution.serving.http.problems import ASKING, Given, Refusal, documented

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
    `document`: the path of the only document to search.
    """

    question: Asked
    history: Annotated[list[EarlierTurn], Field(max_length=100, default_factory=list)]
    model: Name = LEADER
    closed: bool = False
    passages: Annotated[int, Field(ge=1, le=MOST_PASSAGES)] | None = None
    document: Annotated[str, Field(max_length=4096)] | None = None
    stream: bool = True


class Answer(BaseModel):
    """`cut`: the answer reached the longest that is allowed. `sources`: the passages shown."""

    id: str
    text: str
    generation: int
    cut: bool
    sources: list[Source]


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["documents"])

    @router.post(
        "/api/ask", responses=documented(*ASKING, body=True) | STREAM, response_model=Answer
    )
    async def ask(request: Request, wanted: AskRequest) -> Any:
        """Answer a question.

        With `stream`, the events are `sources` (a list, before the answer), `text` (`{"text": the
        next piece}`), and in the end `done` (the whole answer) or `error`.
        """
        if wanted.closed and (wanted.passages or wanted.document):
            raise Refusal(400, "`closed` looks for no passages: give one of them", param="closed")
        desk.note(wanted.question)
        with ExitStack() as stack:
            stack.enter_context(desk.gate.enter())
            question = await desk.read(lambda: _put(desk, wanted))
            id = uuid.uuid4().hex
            if wanted.stream:
                events = _events(desk, question, id)
                return StreamingResponse(
                    stream(events, stack.pop_all(), named=True), media_type="text/event-stream"
                )
            return _answer(id, question, await desk.reply(request, question))

    return router


def _put(desk: Desk, wanted: AskRequest) -> Question:
    return desk.answerer.put(
        wanted.question,
        [Turn(one.question, one.answer) for one in wanted.history],
        desk.generation(wanted.model),
        0 if wanted.closed else wanted.passages,
        wanted.document,
    )


async def _events(desk: Desk, question: Question, id: str) -> AsyncIterator[str]:
    yield event("sources", [one.model_dump() for one in shown(question.sources)])
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
        sources=shown(question.sources),
    )
