"""The process: one socket, one event loop, and an end without loss."""

from __future__ import annotations

import asyncio
import socket
import time
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from self_evolution.errors import UserError
from self_evolution.serving.http.guard import Guard
from self_evolution.serving.http.limits import Limits


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; clients that come before the model is loaded wait.

    Raises UserError if the address or port cannot be had.
    """
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind)
    except OSError as error:
        raise UserError(
            f"--host {host}: {error.strerror}; expected an address of this machine"
        ) from None
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen()
    except OSError as error:
        made.close()
        raise UserError(
            f"--host {host} --port {port}: {error.strerror}; another program may listen there: "
            "stop it, or give another --port"
        ) from None
    return made


def serve(guard: Guard, limits: Limits, listener: socket.socket) -> None:
    """Serve until Ctrl-C or SIGTERM; then running requests end, and new ones get 503."""

    class Protocol(_Protocol):
        slow = limits.slow

    settings = uvicorn.Config(
        guard,
        loop="asyncio",
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",  # `Guard` logs; uvicorn's own lines would name paths
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.connections,
        timeout_keep_alive=limits.idle,  # type: ignore[arg-type]
        timeout_graceful_shutdown=1,
    )
    _Server(settings, guard, limits.grace).run([listener])


class _Server(uvicorn.Server):
    def __init__(self, settings: uvicorn.Config, guard: Guard, grace: float) -> None:
        super().__init__(settings)
        self._guard, self._grace = guard, grace
        self._end = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end at the first signal; end at once at the second."""
        if self._guard.ending:
            self.force_exit = self.should_exit = True
        self._guard.ending = True
        self._end = time.monotonic() + self._grace

    async def on_tick(self, counter: int) -> bool:
        done = self._guard.inside == 0 or time.monotonic() > self._end
        return await super().on_tick(counter) or (self._guard.ending and done)


class _Protocol(H11Protocol):
    """Closes a connection whose next request does not arrive in time."""

    slow = 10.0
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()  # the head is there; the body has a limit of its own
        elif self._late is None:
            self._wait()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        begun = bool(self.conn.trailing_data[0])  # of a request that came before this response
        if begun and self.cycle.response_complete and self._late is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._late = self.loop.call_later(self.slow, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
