"""Requests that mean no good, or go wrong, as bytes; and the statuses that may answer them."""

from __future__ import annotations

import json
from typing import Any


def post(body: bytes, *more: bytes, path: bytes = b"/api/ask", length: int | None = None) -> bytes:
    """A request as bytes; headers in `more` stand before those that are usual."""
    names = {line.partition(b":")[0].lower() for line in more}
    usual = [
        b"Host: 127.0.0.1",
        b"Content-Type: application/json",
        b"Content-Length: %d" % (len(body) if length is None else length),
        b"Connection: close",
    ]
    lines = [*more, *(one for one in usual if one.partition(b":")[0].lower() not in names)]
    return b"POST %s HTTP/1.1\r\n" % path + b"\r\n".join(lines) + b"\r\n\r\n" + body


def get(path: bytes) -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path


def question(text: Any, **more: Any) -> bytes:
    return json.dumps({"question": text, "stream": False} | more).encode()


HOSTILE: dict[str, tuple[bytes, set[int]]] = {
    "larger than allowed": (post(question("?" * 30_000)), {413}),
    "says it is enormous": (post(b"{}", length=10**15), {413}),
    "a length with too many digits": (post(b"{}", b"Content-Length: " + b"9" * 400), {400, 413}),
    "negative length": (post(b"{}", b"Content-Length: -1"), {400}),
    "two lengths": (post(b"{}", b"Content-Length: 2", b"Content-Length: 3"), {400}),
    "chunks without end": (
        post(b"", b"Transfer-Encoding: chunked", b"Content-Length:", path=b"/api/ask")[:-2]
        + b"\r\n"
        + b"".join(b"1000\r\n" + b"a" * 4096 + b"\r\n" for _ in range(10)),
        {400, 413},
    ),
    "no JSON": (post(b"question=1"), {400}),
    "half of it": (post(b'{"question": "What'), {400}),
    "nothing": (post(b""), {400}),
    "not UTF-8": (post(b'{"question": "\xff\xfe"}'), {400}),
    "nested lists": (post(b"[" * 9000 + b"]" * 9000), {400}),
    "nested objects": (post(b'{"question":' * 1500 + b"1" + b"}" * 1500), {400}),
    "a number without end": (post(b'{"question": ' + b"9" * 15_000 + b"}"), {400}),
    "not a number": (post(b'{"question": NaN, "passages": Infinity}'), {400}),
    "a list": (post(b"[1, 2]"), {400}),
    "a question that is no text": (post(question({"a": 1})), {400}),
    "null bytes": (post(question("What is\0the port?")), {200}),
    "a lone surrogate": (post(b'{"question": "\\ud800", "stream": false}'), {400}),
    "controls and directions": (post(question("\x1b[2J‮​port")), {200}),
    "a script": (post(question("<script>alert(1)</script> port?")), {200}),
    "words of the search": (post(question('" OR NEAR(* ^ port: {} -') + b" "), {200}),
    "SQL": (post(question("'; DROP TABLE fragment; --")), {200}),
    "a template": (post(question("{{7*7}} {% raw %} ${jndi:x}")), {200}),
    "no letters": (post(question("????")), {200}),
    "too many passages": (post(question("?", passages=10**9)), {400}),
    "a document elsewhere": (post(question("?", document="../../etc/passwd")), {404}),
    "a model elsewhere": (post(question("?", model="../../etc")), {404}),
    "a long model": (post(question("?", model="a" * 5000)), {400}),
    "a form": (post(b"question=a", b"Content-Type: application/x-www-form-urlencoded"), {415}),
    "plain text": (post(question("?"), b"Content-Type: text/plain"), {415}),
    "no type": (post(question("?"), b"Content-Type:"), {415}),
    "another host": (post(question("?"), b"Host: evil.example"), {403}),
    "a host that begins alike": (post(question("?"), b"Host: 127.0.0.1.evil.example"), {403}),
    "an address elsewhere": (post(question("?"), b"Host: 192.168.0.1"), {403}),
    "a host with a user": (post(question("?"), b"Host: evil.example@127.0.0.1:x"), {400, 403}),
    "no host": (b"GET /health HTTP/1.0\r\n\r\n", {403}),
    "another origin": (post(question("?"), b"Origin: http://evil.example"), {403}),
    "another port's origin": (post(question("?"), b"Origin: http://127.0.0.1:1"), {403}),
    "no origin": (post(question("?"), b"Origin: null"), {403}),
    "traversal": (
        b"GET /static/../../run.db HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        {404},
    ),
    "coded traversal": (
        b"GET /static/%2e%2e/%2e%2e/http/app.py HTTP/1.1\r\nHost: localhost\r\n"
        b"Connection: close\r\n\r\n",
        {404},
    ),
    "a null byte in the path": (
        b"GET /static/%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        {404},
    ),
    "a passage elsewhere": (
        b"GET /api/fragments/..%2f..%2frun.db HTTP/1.1\r\nHost: localhost\r\n"
        b"Connection: close\r\n\r\n",
        {404},
    ),
    "another method": (post(b"").replace(b"POST", b"BREW"), {405}),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400}),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 403}),
    "a header that is too long": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        {400, 431},
    ),
    "a header with a line break": (post(question("?"), b"X: a\rSet-Cookie: b"), {400}),
    "an upgrade": (
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\n"
        b"Upgrade: websocket\r\n\r\n",
        {200},
    ),
}
