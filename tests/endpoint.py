"""A server that speaks the protocol of OpenAI's chat completions, for tests: real HTTP, on a port.

`say(messages)` gives the replies. `script` holds what to do instead of the next answers, in turn:
a status, a body of other bytes, `drop` (the connection is closed), or a function of the request.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Say = Callable[[list[dict[str, str]]], str]


class Server(ThreadingHTTPServer):
    """A server that plays a script; the requests are in `bodies` and `keys`."""

    daemon_threads = True

    def __init__(self, say: Say, models: dict[str, dict[str, Any]], key: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.say, self.models, self.key = say, models, key
        self.script: list[Any] = []
        self.bodies: list[dict[str, Any]] = []
        self.streams = self.tells_logprobs = True
        self.together, self.most = 0, 0
        self.guard = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no matter."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        if self._allowed():
            rows = [
                {"id": id, "object": "model", **more} for id, more in self.server.models.items()
            ]
            found = self.path == "/v1/models"
            self._send(200 if found else 404, {"object": "list", "data": rows} if found else {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.guard:
            self.server.bodies.append(body)
            self.server.together += 1
            self.server.most = max(self.server.most, self.server.together)
            step = self.server.script.pop(0) if self.server.script else None
        try:
            if self._allowed():
                self._answer(body, step(body) if callable(step) else step)
        finally:
            with self.server.guard:
                self.server.together -= 1

    def _answer(self, body: dict[str, Any], step: Any) -> None:
        if step == "drop":
            self.close_connection = True
            self.connection.close()
        elif isinstance(step, int):
            self._send(step, {"error": {"message": f"status {step} as told"}})
        elif isinstance(step, tuple):
            self._send(step[0], {"error": {"message": step[1]}})
        elif isinstance(step, bytes):
            self._send(200, step)
        else:
            message = step or {"role": "assistant", "content": self.server.say(body["messages"])}
            finish = message.get("finish_reason", "stop")
            choice = {"index": 0, "message": message, "finish_reason": finish}
            if body.get("logprobs") and self.server.tells_logprobs:
                choice["logprobs"] = {"content": logprobs(message["content"], body["top_logprobs"])}
            if body["stream"] and self.server.streams:
                self._stream(choice)
            else:
                self._send(200, {"object": "chat.completion", "choices": [choice]})

    def _stream(self, choice: dict[str, Any]) -> None:
        """A letter an event; the last ones tell why it ended, and the usage."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        steps = (choice.get("logprobs") or {}).get("content")
        for i, letter in enumerate(choice["message"]["content"]):
            piece = {"index": 0, "delta": {"content": letter}, "finish_reason": None}
            if steps:
                piece["logprobs"] = {"content": [steps[i]]}
            self._event({"choices": [piece]})
            if choice["finish_reason"] == "broken":
                return
        self.wfile.write(b": a comment\n\n")
        self._event({"choices": [{"delta": {}, "finish_reason": choice["finish_reason"]}]})
        self._event({"choices": [], "usage": {"total_tokens": 9}})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, data: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def _allowed(self) -> bool:
        wanted = f"Bearer {self.server.key}" if self.server.key else None
        if wanted and self.headers.get("Authorization") != wanted:
            self._send(401, {"error": {"message": "wrong key"}})
            return False
        return True

    def _send(self, status: int, body: Any) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quietly."""


def logprobs(text: str, k: int) -> list[dict[str, Any]]:
    """Each letter as a token: its own log-probability is -0.5, those of others are less."""
    return [
        {
            "token": letter,
            "logprob": -0.5,
            "top_logprobs": [
                {"token": letter if i == 0 else f"{letter}{i}", "logprob": -0.5 - i}
                for i in range(k)
            ],
        }
        for letter in text
    ]


@contextmanager
def serving(
    say: Say = lambda messages: "42", models: dict[str, dict[str, Any]] | None = None, key: str = ""
) -> Iterator[Server]:
    server = Server(say, {"tiny": {}} if models is None else models, key)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
