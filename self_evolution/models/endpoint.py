"""A model behind an OpenAI-compatible endpoint: vLLM, llama.cpp, Ollama, TGI, a company's gateway.

It can be asked, and no more: it has no adapter, no likelihoods, and is not trained. Conversations
go to the address that the user wrote, and nowhere else: no proxy, no redirection is followed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from self_evolution.errors import UserError, printable
from self_evolution.models.address import EXPECTED, address
from self_evolution.models.keys import key, variable
from self_evolution.models.protocols import TOO_LONG, Reply, Sampling, Who, spoken
from self_evolution.records import Message

if TYPE_CHECKING:
    import httpx2

CONNECT, READ = 10.0, 600.0
"""Seconds to be answered at all, and for one reply."""

AT_ONCE = 16
"""Requests under way at the same time; the server queues and batches them as it likes."""

TRIES = 6
PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds after the first failure, doubled after each; and the most that a server may ask for."""

_BUSY = {408, 425, 429, 500, 502, 503, 504, 529}
_TOO_LONG = re.compile(
    r"context[ _](length|window|size)|maximum (context|input|sequence|model)|max_(new_tokens|model)"
    r"|too (long|many tokens)|token limit",
    re.IGNORECASE,
)


class Endpoint:
    """The model that `name` (http://HOST:PORT/v1#MODEL) stands for, once the server was reached.

    Raises UserError if it does not answer, does not take the key, or has no such model.
    """

    revision = ""
    at_once = AT_ONCE

    def __init__(self, name: str, thinking: bool = False, pause: float = PAUSE) -> None:
        self.address = address(name)
        self._pause = pause
        # A model that thinks would spend the reply's tokens on it; not every server knows this.
        self._extra: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": thinking}}
        self.model, self._window = asyncio.run(self._found())

    @property
    def identity(self) -> str:
        return f"{self.address.base}#{self.model}"

    def fits(self, messages: Sequence[Message], max_tokens: int) -> bool:
        """Whether it may: the length of a prompt is known to the server alone."""
        return self._window is None or max_tokens < self._window

    def generate(
        self, prompts: Sequence[Sequence[Message]], sampling: Sampling, seed: int, who: Who
    ) -> list[Reply]:
        return asyncio.run(self._replies(prompts, sampling, seed))

    async def _found(self) -> tuple[str, int | None]:
        """The model's name, and its window where the server tells it."""
        wanted = self.address.model
        async with self._client() as client:
            response = await self._sent(client, "GET", "/models", None, tries=2)
        if wanted and response.status_code in (404, 405, 501):
            return wanted, None  # some gateways list nothing
        listed = _listed(self._answer(response))
        if listed is None:
            raise self._foreign(response)
        if not wanted and len(listed) == 1:
            wanted = next(iter(listed))
        if wanted not in listed:
            there = ", ".join(list(listed)[:20]) or "none"
            told = f"no model {printable(wanted)} there" if wanted else "which model is not said"
            raise UserError(f"{self.address.base}: {told}; it has: {printable(there)}; {EXPECTED}")
        if not wanted.isprintable():
            raise UserError(
                f"{self.address.base}: the model there is called {printable(wanted)}, which no "
                "report can show; give it a plain name at the server"
            )
        return wanted, listed[wanted]

    async def _replies(
        self, prompts: Sequence[Sequence[Message]], sampling: Sampling, seed: int
    ) -> list[Reply]:
        async with self._client() as client:
            asked = [
                self._reply(client, messages, sampling, (seed + place) % 2**31)
                for place, messages in enumerate(prompts)
            ]
            return list(await asyncio.gather(*asked))

    async def _reply(
        self, client: httpx2.AsyncClient, messages: Sequence[Message], how: Sampling, seed: int
    ) -> Reply:
        body = {
            "model": self.model,
            "messages": list(messages),
            "temperature": how.temperature,
            "top_p": how.top_p,
            "max_tokens": how.max_tokens,
            "seed": seed,
            "stream": False,
        }
        while True:
            extra = self._extra
            response = await self._sent(client, "POST", "/chat/completions", body | extra)
            refused = response.status_code in (400, 413, 422)
            if refused and _TOO_LONG.search(response.text):
                return Reply("", TOO_LONG)
            if not (refused and extra):
                break
            self._extra = {}
        try:
            choice = self._answer(response)["choices"][0]
            text = choice["message"].get("content") or ""
            return Reply(
                spoken(text), "length" if choice.get("finish_reason") == "length" else "stop"
            )
        except (AttributeError, KeyError, IndexError, TypeError):
            raise self._foreign(response) from None

    # -- HTTP --------------------------------------------------------------------------------

    def _client(self) -> httpx2.AsyncClient:
        import httpx2

        secret = key(self.address)
        return httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {secret}"} if secret else {},
            timeout=httpx2.Timeout(READ, connect=CONNECT, pool=None),
            limits=httpx2.Limits(max_connections=AT_ONCE),
            trust_env=False,
        )

    async def _sent(
        self, client: httpx2.AsyncClient, method: str, path: str, body: Any, tries: int = TRIES
    ) -> httpx2.Response:
        """The server's response, tried again while it is busy or the line is bad."""
        import httpx2

        for turn in range(tries):
            last = turn == tries - 1
            asked = 0.0
            try:
                response = await client.request(method, self.address.base + path, json=body)
                if response.status_code not in _BUSY or last:
                    return response
                asked = _seconds(response.headers.get("retry-after", ""))
            except httpx2.RequestError as error:
                if last:
                    told = str(error) or type(error).__name__
                    raise UserError(
                        f"{self.address.base}: does not answer ({told}); start the server, or "
                        "give another address"
                    ) from None
            await asyncio.sleep(min(max(asked, self._pause * 2**turn), LONGEST_PAUSE))
        raise AssertionError("tries < 1")

    def _answer(self, response: httpx2.Response) -> Any:
        """The JSON of a good response. Raises UserError that says what is wrong with another."""
        status = response.status_code
        told = printable(" ".join(response.text.split())[:300])
        if status in (401, 403):
            given = "the key in" if key(self.address) else "no key in"
            name = variable(self.address.host)
            raise UserError(f"{self.address.base}: not allowed ({status}) with {given} {name}")
        if status == 404:
            raise UserError(f"{self.address.base}: not found (404): {told}; {EXPECTED}")
        if status != 200:
            raise UserError(f"{self.address.base}: status {status}: {told}")
        try:
            return response.json()
        except ValueError:
            raise self._foreign(response) from None

    def _foreign(self, response: httpx2.Response) -> UserError:
        told = printable(" ".join(response.text.split())[:200])
        return UserError(
            f"{self.address.base}: not the answer of an OpenAI-compatible endpoint: {told}; "
            f"{EXPECTED}"
        )


def _listed(answer: Any) -> dict[str, int | None] | None:
    """{model: window, if told} of what /models lists; None if that is no such list."""
    try:
        found = {row["id"]: row.get("max_model_len") for row in answer["data"]}
    except (AttributeError, KeyError, TypeError):
        return None
    return {
        str(id): window if isinstance(window, int) and window > 0 else None
        for id, window in found.items()
    }


def _seconds(text: str) -> float:
    """Of a Retry-After; 0 where it is a date, or nothing."""
    return float(text) if text.strip().isdecimal() else 0.0
