"""A model behind an OpenAI-compatible endpoint: vLLM, llama.cpp, Ollama, TGI, a company's gateway.

It only generates: it has no adapter, computes no likelihoods, and is not trained.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from self_evolution.errors import UserError, printable
from self_evolution.models.endpoint.address import EXPECTED, parse_address
from self_evolution.models.endpoint.connection import CONCURRENCY, PAUSE, Connection, has_events
from self_evolution.models.protocols import (
    Capability,
    OnText,
    SamplingParams,
    Seeds,
    Weights,
    seeds_of,
)
from self_evolution.models.reply import (
    TOO_LONG,
    Reply,
    TextStream,
    content_text,
    thinking_options,
    without_thoughts,
)
from self_evolution.progress import interruptible
from self_evolution.records import Message

if TYPE_CHECKING:
    import httpx2

_TOO_LONG = re.compile(
    r"context[ _](length|window|size)|maximum (context|input|sequence|model)|max_(new_tokens|model)"
    r"|too (long|many tokens)|token limit",
    re.IGNORECASE,
)


class Endpoint:
    """Connect to the model that `name` (http://HOST:PORT/v1#MODEL) stands for.

    Raises UserError if the server does not answer, rejects the key, or has no such model.
    """

    capabilities: frozenset[Capability] = frozenset({"streaming", "logprobs"})
    revision = ""
    concurrency = CONCURRENCY

    def __init__(self, name: str, thinking: bool = False, pause: float = PAUSE) -> None:
        self.address = parse_address(name)
        self._connection = Connection(self.address, pause)
        # A model that thinks would spend the reply's tokens on it; not every server knows this.
        options = thinking_options(thinking)
        extra: dict[str, Any] = {"chat_template_kwargs": options}
        effort = {} if thinking else {"reasoning_effort": options["reasoning_effort"]}
        self._extras = [extra | effort, extra, {}]  # where a server refuses one, the next is tried
        self.model, self._window = asyncio.run(self._find_model())

    @property
    def identity(self) -> str:
        return f"{self.address.base}#{self.model}"

    def fits(self, messages: Sequence[Message], max_tokens: int) -> bool:
        """Whether a prompt may fit: only the server knows its length."""
        return self._window is None or max_tokens < self._window

    def generate(
        self,
        prompts: Sequence[Sequence[Message]],
        params: SamplingParams,
        seed: Seeds,
        weights: Weights,
        on_text: OnText | None = None,
    ) -> list[Reply]:
        seeds = seeds_of(seed, len(prompts))
        with interruptible():
            return asyncio.run(self._replies(prompts, params, seeds, on_text))

    def close(self) -> None:
        """Do nothing: no connection is open between calls."""

    async def _find_model(self) -> tuple[str, int | None]:
        """The model's name, and its context window if the server states it."""
        wanted = self.address.model
        async with self._connection.client() as client:
            response = await self._connection.send(client, "GET", "/models", None, tries=2)
        if wanted and response.status_code in (404, 405, 501):
            return wanted, None  # some gateways list nothing
        listed = _listed(self._connection.json(response))
        if listed is None:
            raise self._connection.unexpected(response.text)
        if not wanted and len(listed) == 1:
            wanted = next(iter(listed))
        if wanted not in listed:
            there = ", ".join(list(listed)[:20]) or "none"
            problem = f"no model {printable(wanted)} there" if wanted else "which model is not said"
            raise UserError(
                f"{self.address.base}: {problem}; it has: {printable(there)}; {EXPECTED}"
            )
        if not wanted.isprintable():
            raise UserError(
                f"{self.address.base}: the model there is called {printable(wanted)}, which no "
                "report can show; give it a plain name at the server"
            )
        return wanted, listed[wanted]

    async def _replies(
        self,
        prompts: Sequence[Sequence[Message]],
        params: SamplingParams,
        seeds: Sequence[int],
        on_text: OnText | None,
    ) -> list[Reply]:
        async with self._connection.client() as client:
            asked = [
                self._reply(
                    client,
                    self._body(messages, params, seeds[i], on_text is not None),
                    TextStream(partial(on_text, i)) if on_text else None,
                )
                for i, messages in enumerate(prompts)
            ]
            return list(await asyncio.gather(*asked))

    def _body(
        self, messages: Sequence[Message], params: SamplingParams, seed: int, stream: bool
    ) -> dict[str, Any]:
        body = {
            "model": self.model,
            "messages": list(messages),
            "temperature": params.temperature,
            "top_p": params.top_p,
            "max_tokens": params.max_tokens,
            "seed": seed,
            "stream": stream,
        }
        if params.logprobs:
            body |= {"logprobs": True, "top_logprobs": params.logprobs}
        return body

    async def _reply(
        self, client: httpx2.AsyncClient, body: dict[str, Any], stream: TextStream | None
    ) -> Reply:
        while True:
            extra = self._extras[0]
            response = await self._connection.send(
                client, "POST", "/chat/completions", body | extra
            )
            refused = response.status_code in (400, 413, 422)
            if refused and _TOO_LONG.search(response.text):
                return Reply("", TOO_LONG)
            if not (refused and extra):
                break
            if extra is self._extras[0]:  # no other request was refused in the meantime
                self._extras.pop(0)
        if stream and has_events(response):
            answer = await self._joined(response, stream)
        else:
            answer = self._connection.json(response)
        reply = self._parsed(answer, "logprobs" in body)
        if stream:
            stream.update(reply.text, finished=True)
        return reply

    async def _joined(self, response: httpx2.Response, stream: TextStream) -> Any:
        """Combine the events of a stream into the response without streaming."""
        text, finish_reason = "", None
        tokens: list[Any] = []
        async for event in self._connection.events(response):
            try:
                for choice in event["choices"]:  # there is none in the event on usage
                    text += content_text(choice["delta"].get("content"))
                    tokens += (choice.get("logprobs") or {}).get("content") or []
                    finish_reason = choice.get("finish_reason") or finish_reason
            except (AttributeError, KeyError, TypeError):
                raise self._connection.unexpected(json.dumps(event)) from None
            stream.update(without_thoughts(text))
        choice = {"message": {"content": text}, "finish_reason": finish_reason}
        return {"choices": [choice | {"logprobs": {"content": tokens}}]}

    def _parsed(self, answer: Any, with_logprobs: bool) -> Reply:
        try:
            choice = answer["choices"][0]
            text = without_thoughts(content_text(choice["message"].get("content")))
            finish_reason = "length" if choice.get("finish_reason") == "length" else "stop"
            if not with_logprobs:
                return Reply(text, finish_reason)
            steps = (choice.get("logprobs") or {}).get("content")
            if text and not steps:
                raise UserError(f"{self.address.base}: the server sends no log-probabilities")
            top = [
                [(token["token"], token["logprob"]) for token in step["top_logprobs"]]
                for step in steps or ()
            ]
            return Reply(text, finish_reason, top=top)
        except (AttributeError, KeyError, IndexError, TypeError):
            raise self._connection.unexpected(json.dumps(answer)) from None


def _listed(answer: Any) -> dict[str, int | None] | None:
    """{model: window, if stated} from a list of models; None if it is no such list."""
    try:
        found = {row["id"]: row.get("max_model_len") for row in answer["data"]}
    except (AttributeError, KeyError, TypeError):
        return None
    return {
        str(id): window if isinstance(window, int) and window > 0 else None
        for id, window in found.items()
    }
