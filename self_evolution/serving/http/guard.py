"""The check of every request, before the application sees it."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
import traceback
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from self_evolution.serving.http.limits import Limits
from self_evolution.serving.http.metrics import Metrics
from self_evolution.serving.http.problems import Refusal
from self_evolution.serving.http.security import HEADERS, Access, login_for

LOG = logging.getLogger("self_evolution.serving")
_OPEN = ("/health", "/login", "/static/")
"""Paths that need no token: they say nothing about the documents."""

_FORM = "/login"
_FILE = re.compile(r"/api/runs/[^/]+/documents")
"""Paths whose body is a file."""


class Guard:
    """Checks who asks, reads the body within its limits, and logs what became of the request.

    The body is read here, as a whole, so that a client that sends it slowly holds nothing but its
    own connection. While the service is `ending`, new requests get 503. Errors that nobody caught
    become 500; the client is told nothing about them.
    """

    def __init__(self, app: ASGIApp, access: Access, limits: Limits, metrics: Metrics) -> None:
        self._app, self._access, self._limits, self._metrics = app, access, limits, metrics
        self.ending = False
        self.inside = 0
        """Requests that have no whole response yet."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        response = _Response(send, self._limits.slow, self.ending)
        start = time.perf_counter()
        self.inside += 1
        try:
            await self._answer(scope, receive, response)
        except TimeoutError:  # the client does not take the response: its connection is closed
            LOG.info("a client stopped reading its response")
        except Exception:
            log_error(f"{scope['method']} {_path(scope)}")
            if response.status == 0:
                refusal = Refusal(500, "an error inside the service; its log says more")
                await _refuse(refusal, scope, receive, response)
        finally:
            self.inside -= 1
            route = getattr(scope.get("route"), "path", "other")
            seconds = time.perf_counter() - start
            self._metrics.request(route, response.status, seconds)
            if route not in ("/health", "/metrics"):
                LOG.info("%s %s %s %.3f s", scope["method"], route, response.status or "-", seconds)

    async def _answer(self, scope: Scope, receive: Receive, response: _Response) -> None:
        try:
            body = await self._checked(scope, receive)
        except Refusal as refusal:
            # What is left of the body is not read, so the connection cannot be used again.
            refusal.headers["Connection"] = "close"
            if refusal.status == 401 and _is_for_a_person(scope):
                await RedirectResponse(login_for(scope["path"]), 303)(scope, receive, response)
            else:
                await _refuse(refusal, scope, receive, response)
            return
        if body is None:
            await self._app(scope, self._slowest(receive), response)
            return
        first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return first.pop() if first else await receive()

        await self._app(scope, again, response)

    async def _checked(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body of a request that may be served; None for a file, which its route reads.

        Raises Refusal for any other request.
        """
        if self.ending:
            raise Refusal(503, "the service is ending", "ending", {"Retry-After": "5"})
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        path: str = scope["path"]
        self._access.check(headers, path.startswith(_OPEN))
        if scope["method"] != "POST":  # no route of any other method reads a body
            return b""
        if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
            return b""  # the route says what it misses, or that it takes no POST
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if _FILE.fullmatch(path):
            if kind != "application/octet-stream":
                raise Refusal(415, "the body must be a file: application/octet-stream")
            self._check_length(headers, self._limits.file)
            return None
        form = path == _FORM and kind == "application/x-www-form-urlencoded"
        if kind != "application/json" and not form:
            raise Refusal(415, "the body must be JSON, with Content-Type: application/json")
        return await self._body(headers, receive)

    async def _body(self, headers: MutableMapping[str, str], receive: Receive) -> bytes:
        most = self._limits.body
        self._check_length(headers, most)
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.slow):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise Refusal(400, "the connection ended before the body")
                    body += message.get("body", b"")
                    if len(body) > most:
                        raise too_large(most)
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            raise self._too_slow() from None

    def _check_length(self, headers: MutableMapping[str, str], most: int) -> None:
        length = headers.get("content-length", "0")
        if len(length) > 18 or int(length) > most:
            raise too_large(most)

    def _slowest(self, receive: Receive) -> Receive:
        """`receive` for a long body: each part of it must arrive in time."""

        async def part() -> Message:
            try:
                async with asyncio.timeout(self._limits.slow):
                    return await receive()
            except TimeoutError:
                raise self._too_slow() from None

        return part

    def _too_slow(self) -> Refusal:
        return Refusal(408, f"the body took more than {self._limits.slow:g} seconds to arrive")


class _Response:
    """Sends a response with the headers of security; notes its status."""

    def __init__(self, send: Send, slow: float, last: bool) -> None:
        self._send, self._slow, self._last = send, slow, last
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = {key.lower() for key, _ in message.get("headers", [])}
            message["headers"] = [
                *message.get("headers", []),
                *(
                    (key.encode(), value.encode())
                    for key, value in HEADERS.items()
                    if key.lower().encode() not in own
                ),
            ]
        async with asyncio.timeout(self._slow):
            await self._send(message)


def too_large(most: int) -> Refusal:
    return Refusal(413, f"the body has more than {most:,} bytes", None, {"Connection": "close"})


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    response = JSONResponse(refusal.body, refusal.status, refusal.headers)
    await response(scope, receive, send)


def _is_for_a_person(scope: Scope) -> bool:
    """Whether a browser asks for a page, which it would show."""
    return scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")


def log_error(place: str) -> None:
    """Log where the error that is handled came from, but not its message, which may quote a
    question."""
    kind, _, trace = sys.exc_info()
    frames = "".join(traceback.format_tb(trace))
    name = kind.__name__ if kind else ""
    LOG.error("%s in %s\n%s", name, place, frames)


def _path(scope: Scope) -> Any:
    return getattr(scope.get("route"), "path", "other")
