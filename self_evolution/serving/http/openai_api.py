"""The OpenAI-compatible API: `/v1/chat/completions`, `/v1/completions` and `/v1/models`."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from self_evolution.evaluation.prompts import sampling
from self_evolution.models import Reply, SamplingParams
from self_evolution.records import Message
from self_evolution.serving.answering import BASE, LEADER, PASSAGES, Question
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.events import STREAM, stream
from self_evolution.serving.http.openai_logprobs import chat_logprobs, flat_logprobs
from self_evolution.serving.http.openai_shapes import (
    MOST_LOGPROBS,
    ChatChoice,
    ChatCompletion,
    ChatRequest,
    Completion,
    CompletionChoice,
    CompletionRequest,
    Model,
    ModelList,
    ReplyMessage,
    Sampled,
    Usage,
)
from self_evolution.serving.http.places import shown
from self_evolution.serving.http.problems import ASKING, Refusal, documented

SEARCH = "+search"
"""At the end of a model's name: passages that a search finds are put into the prompt."""


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["OpenAI-compatible"])

    @router.post(
        "/v1/chat/completions",
        responses=documented(*ASKING, body=True) | STREAM,
        response_model=ChatCompletion,
    )
    async def chat(request: Request, wanted: ChatRequest) -> Any:
        """Reply to a conversation, from memory, or with passages where the model's name ends with
        `+search`."""
        _refuse(wanted)
        most = max(wanted.top_logprobs or 0, 1) if wanted.logprobs else 0
        longest = wanted.max_completion_tokens or wanted.max_tokens
        messages = [_message(one.role, one.text) for one in wanted.messages]
        desk.note(messages[-1]["content"])
        with contextlib.ExitStack() as stack:
            stack.enter_context(desk.gate.enter())
            (question,) = await _put(desk, wanted, [messages], longest, most)
            id = f"chatcmpl-{uuid.uuid4().hex}"
            if wanted.stream:
                events = _chunks(desk, wanted, question, id)
                return StreamingResponse(
                    stream(events, stack.pop_all()), media_type="text/event-stream"
                )
            reply = await desk.reply(request, question)
        choice = ChatChoice(
            index=0,
            message=ReplyMessage(content=reply.text),
            logprobs=_logprobs(desk, wanted, reply),
            finish_reason=_finish(reply),
        )
        return ChatCompletion(
            id=id,
            created=int(time.time()),
            model=wanted.model,
            choices=[choice],
            usage=_usage(desk, [(question, reply)]),
            generation=question.generation,
            sources=shown(question.sources),
        )

    @router.post(
        "/v1/completions",
        responses=documented(*ASKING, body=True) | STREAM,
        response_model=Completion,
    )
    async def complete(request: Request, wanted: CompletionRequest) -> Any:
        """Reply to prompts. Each is put as the question of a chat, as the model was trained."""
        _refuse(wanted)
        prompts = [wanted.prompt] if isinstance(wanted.prompt, str) else wanted.prompt
        if wanted.stream and len(prompts) > 1:
            raise Refusal(400, "with `stream`, one prompt is expected", param="prompt")
        conversations = [[_message("user", text)] for text in prompts]
        desk.note(prompts[0])
        with contextlib.ExitStack() as stack:
            stack.enter_context(desk.gate.enter(len(prompts)))
            questions = await _put(
                desk, wanted, conversations, wanted.max_tokens, int(wanted.logprobs is not None)
            )
            id = f"cmpl-{uuid.uuid4().hex}"
            if wanted.stream:
                events = _parts(desk, wanted, questions[0], id)
                return StreamingResponse(
                    stream(events, stack.pop_all()), media_type="text/event-stream"
                )
            replies = await desk.replies(request, questions)
        return Completion(
            id=id,
            created=int(time.time()),
            model=wanted.model,
            choices=[
                CompletionChoice(
                    index=place,
                    text=reply.text,
                    finish_reason=_finish(reply),
                    logprobs=_flat(desk, wanted, reply),
                )
                for place, reply in enumerate(replies)
            ],
            usage=_usage(desk, list(zip(questions, replies, strict=True))),
            generation=questions[0].generation,
        )

    @router.get("/v1/models", responses=documented())
    async def models() -> ModelList:
        """The names that `model` may have."""
        return ModelList(data=await desk.read(lambda: _models(desk)))

    @router.get("/v1/models/{name}", responses=documented(404))
    async def model(name: str) -> Model:
        """What a name stands for at this moment."""
        known = {one.id: one for one in await desk.read(lambda: _models(desk))}
        if name not in known:
            raise Refusal(404, "there is no such model", "model_not_found", param="model")
        return known[name]

    return router


def _message(role: str, text: str) -> Message:
    return cast(Message, {"role": "system" if role == "developer" else role, "content": text})


def _refuse(wanted: Sampled) -> None:
    if field := wanted.refused():
        raise Refusal(
            400, f"{field}: this service cannot do that", "unsupported_value", param=field
        )


async def _put(
    desk: Desk,
    wanted: Sampled,
    conversations: Sequence[list[Message]],
    longest: int | None,
    logprobs: int,
) -> list[Question]:
    """The questions as they will be put to the model."""
    capabilities = desk.answerer.engine.capabilities
    if logprobs and not {"logprobs", "token_ids"} <= capabilities:
        raise Refusal(400, "logprobs: the model of this run gives none", param="logprobs")
    if longest is not None and longest > desk.limits.tokens:
        most = f"{desk.limits.tokens:,}"
        raise Refusal(400, f"max_tokens: a reply has {most} tokens at most", param="max_tokens")
    evaluated = sampling(desk.run.config.evaluate)
    params = SamplingParams(
        evaluated.temperature if wanted.temperature is None else wanted.temperature,
        evaluated.top_p if wanted.top_p is None else wanted.top_p,
        longest or evaluated.max_tokens,
        MOST_LOGPROBS if logprobs else 0,
    )
    name, search = wanted.model.removesuffix(SEARCH), wanted.model.endswith(SEARCH)
    passages = (desk.run.config.evaluate.top_k or PASSAGES) if search else 0
    seed = None if wanted.seed is None else wanted.seed % 2**63

    def put() -> list[Question]:
        number = desk.generation(name)
        return [
            desk.answerer.put_messages(messages, number, passages, params, seed, wanted.stops)
            for messages in conversations
        ]

    return await desk.read(put)


async def _chunks(
    desk: Desk, wanted: ChatRequest, question: Question, id: str
) -> AsyncIterator[str]:
    """The events of a streamed chat."""
    head = {
        "id": id,
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": wanted.model,
    }

    def chunk(delta: dict[str, str], finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _data(head | {"choices": [choice | more]})

    yield chunk({"role": "assistant", "content": ""})
    async for piece in desk.pieces(question):
        if isinstance(piece, str):
            yield chunk({"content": piece})
            continue
        logprobs = _dumped(_logprobs(desk, wanted, piece))
        places = [one.model_dump() for one in shown(question.sources)]
        last = {"index": 0, "delta": {}, "logprobs": logprobs, "finish_reason": _finish(piece)}
        beyond = {"generation": question.generation, "sources": places}
        yield _data(head | {"choices": [last]} | beyond)
        if wanted.stream_options and wanted.stream_options.include_usage:
            usage = _usage(desk, [(question, piece)]).model_dump()
            yield _data(head | {"choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


async def _parts(
    desk: Desk, wanted: CompletionRequest, question: Question, id: str
) -> AsyncIterator[str]:
    """The events of a streamed completion."""
    head = {
        "id": id,
        "object": "text_completion",
        "created": int(time.time()),
        "model": wanted.model,
    }
    async for piece in desk.pieces(question):
        choice: dict[str, Any] = {"index": 0, "text": "", "logprobs": None, "finish_reason": None}
        if isinstance(piece, str):
            yield _data(head | {"choices": [choice | {"text": piece}]})
            continue
        flat = _dumped(_flat(desk, wanted, piece))
        last = choice | {"finish_reason": _finish(piece), "logprobs": flat}
        yield _data(head | {"choices": [last], "generation": question.generation})
        if wanted.stream_options and wanted.stream_options.include_usage:
            usage = _usage(desk, [(question, piece)]).model_dump()
            yield _data(head | {"choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


def _data(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def _dumped(shape: BaseModel | None) -> dict[str, Any] | None:
    return None if shape is None else shape.model_dump()


def _finish(reply: Reply) -> Any:
    return "length" if reply.finish_reason == "length" else "stop"


def _logprobs(desk: Desk, wanted: ChatRequest, reply: Reply) -> Any:
    if not wanted.logprobs:
        return None
    return chat_logprobs(desk.answerer.engine, reply, wanted.top_logprobs or 0)


def _flat(desk: Desk, wanted: CompletionRequest, reply: Reply) -> Any:
    if wanted.logprobs is None:
        return None
    return flat_logprobs(desk.answerer.engine, reply, wanted.logprobs)


def _usage(desk: Desk, answered: Sequence[tuple[Question, Reply]]) -> Usage:
    counts = [desk.usage(question, reply) for question, reply in answered]
    read, written = (sum(column) for column in zip(*counts, strict=True))
    return Usage(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


def _models(desk: Desk) -> list[Model]:
    """The leader if there is one, the base, and each generation, with and without search."""
    run = desk.run
    created = int((run.folder / "run.db").stat().st_mtime)
    there = [row.generation for row in run.ledger.training.adapters()]
    found = {BASE: 0, **{str(number): number for number in there}}
    if run.ledger.evaluations.promotions():
        found = {LEADER: run.ledger.evaluations.leader(), **found}
    return [
        Model(id=name + tail, created=created, generation=number)
        for name, number in found.items()
        for tail in ("", SEARCH)
    ]
