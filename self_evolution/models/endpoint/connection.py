"""HTTP with an endpoint: requests with retries, and errors that explain what is wrong.

Requests go only to the address that the user wrote: no proxy is used and no redirection is
followed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from self_evolution.errors import UserError, printable
from self_evolution.models.endpoint.address import EXPECTED, Address
from self_evolution.models.endpoint.keys import find_key, variable

if TYPE_CHECKING:
    import httpx2

CONNECT, READ = 10.0, 600.0
"""Seconds to wait for a connection, and for the next bytes of a response."""

CONCURRENCY = 16
"""Concurrent requests; the server queues and batches them."""

TRIES = 6
PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before the first retry, doubled after each; and the longest wait that a server may ask
for."""

_BUSY = {408, 425, 429, 500, 502, 503, 504, 529}


class Connection:
    def __init__(self, address: Address, pause: float = PAUSE) -> None:
        self._address, self._pause = address, pause

    def client(self) -> httpx2.AsyncClient:
        """Raises UserError if the key for this host is malformed, or would be sent unencrypted."""
        import httpx2

        key = find_key(self._address)
        return httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(READ, connect=CONNECT, pool=None),
            limits=httpx2.Limits(max_connections=CONCURRENCY),
            trust_env=False,
        )

    async def send(
        self, client: httpx2.AsyncClient, method: str, path: str, body: Any, tries: int = TRIES
    ) -> httpx2.Response:
        """Return the response, with retries while the server is busy or does not answer.

        Its body has been read, unless it is a stream of events. Raises UserError after the last
        try.
        """
        import httpx2

        request = client.build_request(method, self._address.base + path, json=body)
        for turn in range(tries):
            last = turn == tries - 1
            wait = 0.0
            try:
                response = await client.send(request, stream=True)
                if not has_events(response):
                    await response.aread()
                if response.status_code not in _BUSY or last:
                    return response
                wait = _seconds(response.headers.get("retry-after", ""))
            except httpx2.RequestError as error:
                if last:
                    raise self._error(
                        f"does not answer ({_text(error)}); start the server, or give another "
                        "address"
                    ) from None
            await asyncio.sleep(min(max(wait, self._pause * 2**turn), LONGEST_PAUSE))
        raise AssertionError("tries < 1")

    def json(self, response: httpx2.Response) -> Any:
        """The JSON of a successful response. Raises UserError that explains any other response."""
        status = response.status_code
        shown = _shown(response.text, 300)
        if status in (401, 403):
            given = "the key in" if find_key(self._address) else "no key in"
            raise self._error(f"not allowed ({status}) with {given} {variable(self._address.host)}")
        if status == 404:
            raise self._error(f"not found (404): {shown}; {EXPECTED}")
        if status != 200:
            raise self._error(f"status {status}: {shown}")
        try:
            return response.json()
        except ValueError:
            raise self.unexpected(response.text) from None

    async def events(self, response: httpx2.Response) -> AsyncIterator[Any]:
        """The JSON of each event of a stream, up to its end. Raises UserError if it breaks off."""
        import httpx2

        try:
            async for line in response.aiter_lines():
                data = line.removeprefix("data:").strip()
                if data == "[DONE]":
                    return
                if line.startswith("data:"):
                    yield json.loads(data)
            raise self._error("the reply broke off; ask again")
        except httpx2.RequestError as error:
            raise self._error(f"the reply broke off ({_text(error)}); ask again") from None
        except ValueError:
            raise self.unexpected(data) from None
        finally:
            await response.aclose()

    def unexpected(self, text: str) -> UserError:
        return self._error(
            f"not the answer of an OpenAI-compatible endpoint: {_shown(text, 200)}; {EXPECTED}"
        )

    def _error(self, text: str) -> UserError:
        return UserError(f"{self._address.base}: {text}")


def has_events(response: httpx2.Response) -> bool:
    """Whether a response is a stream of server-sent events."""
    kind = response.headers.get("content-type", "")
    return response.status_code == 200 and kind.startswith("text/event-stream")


def _shown(text: str, most: int) -> str:
    return printable(" ".join(text.split())[:most])


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


def _seconds(text: str) -> float:
    """The seconds of a Retry-After header; 0 where it is a date, or nothing."""
    return float(text) if text.strip().isdecimal() else 0.0
