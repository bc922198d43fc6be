"""Clients that mean no good, or go wrong: the service refuses, tells nothing, and goes on."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from answering import write_script
from hostile_requests import HOSTILE, post, question
from serving import Served, served_here

from self_evolution import cli
from self_evolution.serving.http.limits import Limits

pytestmark = pytest.mark.slow
Arguments = Callable[..., list[str]]
QUESTION = "What is the port of server Alpha?"
TOKEN = "a secret of more than 16 characters"
LIMITS = Limits(waiting=8, tokens=500, answer=1.5, slow=0.5, idle=0.5, grace=2.0, body=20_000)


@pytest.fixture(scope="module")
def made() -> dict[str, Path]:
    return {}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return write_script(tmp_path)


@pytest.fixture
def run(arguments: Arguments, tmp_path: Path, made: dict[str, Path]) -> Path:
    """A run whose base leads."""
    if not made:
        assert cli.main(arguments("run", "--generations", "1")) == 0
        made["run"] = tmp_path / "run"
    return made["run"]


@pytest.fixture
def service(run: Path) -> Iterator[Served]:
    with served_here(run, LIMITS) as found:
        yield found


@pytest.fixture
def locked(run: Path) -> Iterator[Served]:
    with served_here(run, LIMITS, TOKEN) as found:
        yield found


def ask(url: str, **headers: str) -> httpx2.Response:
    return httpx2.post(
        f"{url}/api/ask", json={"question": QUESTION, "stream": False}, headers=headers
    )


def lives(service: Served) -> None:
    assert ask(service.url).json()["text"] == "The port of server Alpha is 4711."


def raw(service: Served, data: bytes, wait: float = 3.0) -> bytes:
    """All that the service answers to these bytes, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=wait) as connection:
        answer = b""
        try:
            connection.sendall(data)
            while part := connection.recv(65536):
                answer += part
        except (BrokenPipeError, ConnectionResetError):
            pass
    return answer


def test_hostile_requests_are_refused_and_the_service_goes_on(service: Served) -> None:
    for name, (data, expected) in HOSTILE.items():
        answer = raw(service, data)
        assert answer, name
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        assert status in expected, (name, answer[:500])
        for leak in (b"Traceback", b"site-packages", b"self_evolution/", b"uvicorn"):
            assert leak not in answer, (name, answer)
        assert status == 200 or str(service.desk.run.folder.parent).encode() not in answer, name
        if status == 200:
            assert b"nosniff" in head and b"default-src 'none'" in head, name
        elif b"application/json" in head:
            assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}, name
    lives(service)


def test_random_bytes_do_not_stop_it(service: Served) -> None:
    """500 requests with bytes changed, left out or repeated, from a fixed seed."""
    chance = random.Random(7)
    sound = [post(question(QUESTION)), post(question("?"), path=b"/v1/completions")]

    def changed() -> bytes:
        data = bytearray(chance.choice(sound))
        for _ in range(chance.randint(1, 8)):
            at, change = chance.randrange(len(data)), chance.randrange(3)
            if change == 0:
                data[at] = chance.randrange(256)
            elif change == 1:
                del data[at]
            else:
                data[at:at] = data[at : at + chance.randint(1, 40)]
        return bytes(data)

    requests = [changed() for _ in range(500)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda data: raw(service, data, 10.0), requests))
    statuses = {answer[9:12] for answer in answers}
    assert not any(status.startswith(b"5") for status in statuses), statuses
    assert {b"200", b"400", b"408", b"415"} <= statuses
    lives(service)


def test_slow_clients_lose_their_connection(service: Served) -> None:
    def closed_after(*parts: bytes) -> tuple[float, bytes]:
        start = time.monotonic()
        with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
            for part in parts:
                connection.sendall(part)
            answer = b""
            try:
                while more := connection.recv(65536):
                    answer += more
            except ConnectionResetError:
                pass
        return time.monotonic() - start, answer

    assert closed_after()[1] == b""
    assert closed_after(b"POST /api/ask HTTP/1.1\r\nHost: loc")[1] == b""
    whole = post(question(QUESTION)).replace(b"Connection: close\r\n", b"")
    assert b" 408 " in closed_after(whole[:-5])[1].split(b"\r\n")[0]
    seconds, answer = closed_after(whole, b"POST /api")  # the second request never arrives whole
    assert answer.count(b"HTTP/1.1 200") == 1 and seconds < 4
    lives(service)


def test_a_drop_at_a_time_is_slow_too(service: Served) -> None:
    """Each byte comes in time, but the head as a whole does not."""
    with (
        socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection,
        pytest.raises((BrokenPipeError, ConnectionResetError)),
    ):
        for _ in range(40):
            connection.sendall(b"X")
            time.sleep(0.1)
    lives(service)


def test_too_many_questions_get_429_and_too_long_ones_504(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is held up, so that questions pile up to the limit."""
    held = slow(service, monkeypatch, 30.0)
    with httpx2.Client(base_url=service.url, timeout=20) as client:

        def one(_: int) -> httpx2.Response:
            return client.post("/api/ask", json={"question": QUESTION, "stream": False})

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(one, range(20)))
    held[0] = 0.0
    statuses = sorted(one.status_code for one in answers)
    assert statuses == [429] * (20 - LIMITS.waiting) + [504] * LIMITS.waiting
    refused = next(one for one in answers if one.status_code == 429)
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert service.desk.gate.inside == 0
    lives(service)


def test_a_client_that_leaves_frees_the_model(
    service: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = slow(service, monkeypatch, 0.2)
    for stream in (False, True):
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(post(question(QUESTION, stream=stream)))
            time.sleep(0.5)
            assert service.desk.gate.inside == 1
        end = time.monotonic() + 1.0
        while service.desk.gate.inside and time.monotonic() < end:
            time.sleep(0.01)
        assert service.desk.gate.inside == 0
    held[0] = 0.0
    lives(service)


def slow(service: Served, monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[float]:
    """Have the model wait before each piece of a reply; the caller may change for how long."""
    engine, held = service.engine, [seconds]
    generate = engine.generate

    def slowed(prompts: Any, params: Any, seed: int, weights: Any, on_text: Any = None) -> Any:
        def waiting(place: int, piece: str) -> None:
            end = time.monotonic() + held[0]
            while time.monotonic() < end and held[0]:
                time.sleep(0.01)
            on_text(place, piece)

        return generate(prompts, params, seed, weights, waiting)

    monkeypatch.setattr(engine, "generate", slowed)
    return held


def test_while_it_ends_running_requests_end_and_new_ones_get_503(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served_here(run, LIMITS) as service:
        slow(service, monkeypatch, 0.1)
        body = {"question": QUESTION}
        with httpx2.stream("POST", f"{service.url}/api/ask", json=body) as running:
            lines = running.iter_lines()
            assert next(lines) == "event: sources"
            service.guard.ending = True
            late = ask(service.url)
            assert late.status_code == 503 and late.json()["error"]["code"] == "ending"
            assert any(line == "event: done" for line in lines)


def test_with_a_token_nothing_is_told_without_it(locked: Served) -> None:
    for path in ("/", "/api/run", "/api/documents", "/v1/models", "/metrics", "/openapi.json"):
        refused = httpx2.get(f"{locked.url}{path}")
        assert refused.status_code == 401, path
        assert refused.headers["www-authenticate"] == "Bearer"
    for given in ("Bearer wrong", "Bearer", f"Basic {TOKEN}", f"Bearer {TOKEN}x"):
        assert ask(locked.url, Authorization=given).status_code == 401, given
    assert b" 401 " in raw(locked, post(question("?"), b"Authorization: Bearer \xe9"))[:20]
    assert ask(locked.url).status_code == 401
    assert ask(locked.url, Authorization=f"Bearer {TOKEN}").status_code == 200
    assert httpx2.get(f"{locked.url}/health").status_code == 200


def test_a_browser_logs_in_by_form(locked: Served) -> None:
    with httpx2.Client(base_url=locked.url) as browser:
        sent = browser.get("/", headers={"Accept": "text/html,*/*"})
        assert (sent.status_code, sent.headers["location"]) == (303, "/login")
        assert '<form method="post"' in browser.get("/login").text
        wrong = browser.post("/login", data={"token": "wrong"})
        assert wrong.status_code == 403 and "not the token" in wrong.text
        elsewhere = {"Origin": "http://evil.example"}
        assert browser.post("/login", data={"token": TOKEN}, headers=elsewhere).status_code == 403
        done = browser.post("/login", data={"token": TOKEN})
        assert done.status_code == 303 and done.headers["location"] == "/"
        later = browser.get("/runs/night", headers={"Accept": "text/html", "Cookie": ""})
        assert later.headers["location"] == "/login?to=/runs/night"
        assert 'action="/login?to=/runs/night"' in browser.get("/login?to=/runs/night").text
        sent = browser.post("/login?to=/runs/night", data={"token": TOKEN})
        assert sent.headers["location"] == "/runs/night"
        for evil in ("//evil.example", "https://evil.example", "/\\evil", "/a:evil", "/evil/"):
            sent = browser.post("/login", params={"to": evil}, data={"token": TOKEN})
            assert sent.headers["location"] == "/"
            assert "evil" not in browser.get("/login", params={"to": evil}).text
        cookie = done.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
        assert browser.get("/").status_code == 200
        assert browser.get("/api/run").status_code == 200
        bad = browser.get("/api/run", headers={"Cookie": "self_evolution_login=wrong"})
        assert bad.status_code == 401
