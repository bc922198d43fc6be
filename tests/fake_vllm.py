"""A small server that behaves as vLLM does, on tiny models, and has the faults that it is told.

It takes prompts of token ids, and loads and unloads adapters while it runs.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import tiny

from self_evolution.models.decoding import generation
from self_evolution.models.protocols import SamplingParams
from self_evolution.models.training import lora


class Server(ThreadingHTTPServer):
    """`fault` is empty, or one of the names below; `calls` are the adapters that came and went."""

    daemon_threads = True

    def __init__(self, model: Path, fault: str = "", window: int = 2048) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.path, self.fault, self.window = model, fault, window
        self.models: dict[str, Any] = {str(model): tiny.model(model)}
        self.calls: list[tuple[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.guard = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def load(self, name: str, folder: Path) -> None:
        self.calls.append(("load", name))
        loaded = lora.load(tiny.model(self.path), None, folder).get_base_model()
        ignored = self.fault == "ignores the adapter"
        self.models[name] = self.models[str(self.path)] if ignored else loaded

    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        row = shown = body["prompt"]
        if self.fault == "cuts":
            row = shown = row[-5:]
        elif self.fault == "cuts without saying so":
            row = row[-5:]
        elif self.fault == "another template":
            row = shown = [row[0], *row]
        params = SamplingParams(body["temperature"], body["top_p"], body["max_tokens"])
        request = generation.Request([row], params, [body["seed"]], body["stop_token_ids"], 0)
        with self.guard:
            self.bodies.append(body)
            ids = generation.generate(self.models[body["model"]], request, []).ids[0]
        told = {} if self.fault == "no ids" else {"token_ids": ids, "prompt_token_ids": shown}
        reason = "stop" if len(ids) < body["max_tokens"] else "length"
        if self.fault == "breaks off":
            reason = "abort"
        return {"choices": [{"index": 0, "text": "", "finish_reason": reason, **told}]}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no matter."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        base = str(self.server.path)
        rows = [
            {"id": name, "parent": None if name == base else base, "max_model_len": window}
            for name, window in dict.fromkeys(self.server.models, self.server.window).items()
        ]
        self._send(200, {"object": "list", "data": rows})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/v1/completions":
            if body["model"] in self.server.models:
                self._send(200, self.server.complete(body))
            else:
                self._send(404, {"error": {"message": "no such model"}})
        elif self.server.fault == "no loading":
            self._send(404, {"detail": "Not Found"})
        elif self.path == "/v1/load_lora_adapter":
            self.server.load(body["lora_name"], Path(body["lora_path"]))
            self._send(200, "Success")
        else:
            self.server.calls.append(("unload", body["lora_name"]))
            found = self.server.models.pop(body["lora_name"], None)
            self._send(200 if found else 404, "")

    def _send(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quietly."""


@contextmanager
def serving(model: Path, fault: str = "", window: int = 2048) -> Iterator[Server]:
    server = Server(model, fault, window)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
