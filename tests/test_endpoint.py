"""Endpoints over real HTTP: what is sent, what is taken for an answer, and what goes wrong."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from endpoint import Server, serving
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.config import Model
from self_evolution.errors import UserError
from self_evolution.models import TOO_LONG, Generator, Reply, SamplingParams
from self_evolution.models.base import location
from self_evolution.models.endpoint.address import parse_address
from self_evolution.models.endpoint.connection import CONCURRENCY
from self_evolution.models.endpoint.endpoint import Endpoint
from self_evolution.models.endpoint.keys import KEY, find_key, refuse_shared_key
from self_evolution.models.other_models import check, label, remote_host
from self_evolution.models.protocols import require
from self_evolution.records import seed_of

GREEDY = SamplingParams(0.0, 0.9, 20)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(lambda messages: messages[-1]["content"].upper()) as found:
        yield found


def _ask(endpoint: Endpoint, *texts: str, seed: int = 5) -> list[Reply]:
    prompts = [[{"role": "user", "content": text}] for text in texts]
    return endpoint.generate(prompts, GREEDY, seed, "base")


def _endpoint(server: Server, model: str = "") -> Endpoint:
    return Endpoint(f"{server.url}{'#' if model else ''}{model}", pause=0.01)


def test_replies_come_in_order_and_the_sampling_is_passed_on(server: Server) -> None:
    endpoint = _endpoint(server)
    assert (endpoint.model, endpoint.identity) == ("tiny", f"{server.url}#tiny")
    texts = [f"question {i}" for i in range(20)]
    assert _ask(endpoint, *texts) == [Reply(text.upper(), "stop") for text in texts]
    bodies = {body["messages"][0]["content"]: body for body in server.bodies}
    assert set(bodies) == set(texts)
    for i, text in enumerate(texts):
        sent = bodies[text]
        assert sent["seed"] == seed_of(5, i)
        assert (sent["model"], sent["temperature"], sent["top_p"]) == ("tiny", 0.0, 0.9)
        assert (sent["max_tokens"], sent["stream"]) == (20, False)


def test_a_batch_is_asked_at_once_but_no_more_than_so_many() -> None:
    gate = threading.Barrier(CONCURRENCY, timeout=20)  # opens only if so many are there together

    def say(messages: list[dict[str, str]]) -> str:
        gate.wait()
        return "yes"

    with serving(say) as server:
        replies = _ask(_endpoint(server), *(str(i) for i in range(2 * CONCURRENCY)))
        assert [reply.text for reply in replies] == ["yes"] * 2 * CONCURRENCY
        assert server.most == CONCURRENCY


def _streamed(
    endpoint: Endpoint, *texts: str, params: SamplingParams = GREEDY
) -> tuple[list[Reply], list[list[str]]]:
    """The replies, and the pieces in which each came."""
    pieces: list[list[str]] = [[] for _ in texts]
    prompts = [[{"role": "user", "content": text}] for text in texts]
    replies = endpoint.generate(
        prompts, params, 5, "base", lambda place, text: pieces[place].append(text)
    )
    return replies, pieces


def test_replies_are_streamed(server: Server) -> None:
    texts = ("where?", "泵站 at North")
    replies, pieces = _streamed(_endpoint(server), *texts)
    assert replies == [Reply(text.upper(), "stop") for text in texts]
    assert ["".join(some) for some in pieces] == [text.upper() for text in texts]
    assert pieces[0] == list("WHERE?")
    assert all(body["stream"] for body in server.bodies)


def test_streaming_is_tried_again_and_needs_no_stream(server: Server) -> None:
    endpoint = _endpoint(server)
    server.script = [500, {"content": "<think>hm</think> 42", "finish_reason": "length"}]
    assert _streamed(endpoint, "?") == ([Reply("42", "length")], [["4", "2"]])
    server.streams = False
    assert _streamed(endpoint, "abc") == ([Reply("ABC", "stop")], [["ABC"]])
    server.script = [(400, "maximum context length is 20 tokens")]
    assert _streamed(endpoint, "long") == ([Reply("", TOO_LONG)], [[]])


@pytest.mark.parametrize("finish", ["broken", "stop"])
def test_a_stream_that_breaks_off_is_told(server: Server, finish: str) -> None:
    endpoint = _endpoint(server)
    server.script = [{"content": "abc", "finish_reason": finish}]
    if finish == "broken":
        with pytest.raises(UserError, match="the reply broke off"):
            _streamed(endpoint, "?")
    else:
        assert _streamed(endpoint, "?")[0] == [Reply("abc", "stop")]


def test_an_event_of_another_protocol_is_named(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = _endpoint(server)
    for event in ({"error": {"message": "out of memory"}}, {"choices": [{}]}, {"choices": 3}):
        monkeypatch.setattr(
            "endpoint._Handler._event", lambda self, data, event=event: _write(self, event)
        )
        with pytest.raises(UserError, match="not the answer of an OpenAI-compatible endpoint"):
            _streamed(endpoint, "?")


def _write(handler: Any, event: dict[str, object]) -> None:
    handler.wfile.write(f"data: {json.dumps(event)}\n\n".encode())


@pytest.mark.parametrize("streamed", [False, True])
def test_log_probabilities_are_those_that_the_server_sends(server: Server, streamed: bool) -> None:
    endpoint, params = _endpoint(server), GREEDY._replace(logprobs=2)
    prompts = [[{"role": "user", "content": "ab"}]]
    (reply,) = (
        _streamed(endpoint, "ab", params=params)[0]
        if streamed
        else endpoint.generate(prompts, params, 5, "base")
    )
    assert reply.text == "AB" and reply.ids is None
    assert reply.top == [[("A", -0.5), ("A1", -1.5)], [("B", -0.5), ("B1", -1.5)]]
    assert server.bodies[-1]["top_logprobs"] == 2
    server.tells_logprobs = False
    with pytest.raises(UserError, match="the server sends no log-probabilities"):
        endpoint.generate(prompts, params, 5, "base")


def test_an_endpoint_declares_what_it_can_do(server: Server) -> None:
    endpoint: Generator = _endpoint(server)
    assert endpoint.capabilities == {"streaming", "logprobs"}
    endpoint.close()
    with pytest.raises(UserError, match="it cannot be trained or compute the likelihood"):
        require("it", endpoint.capabilities, "streaming", "training", "scoring")


@pytest.mark.parametrize("step", [429, 500, 503, "drop"])
def test_what_passes_is_tried_again(server: Server, step: object) -> None:
    endpoint = _endpoint(server)
    server.script = [step, step, None]
    assert _ask(endpoint, "still there?") == [Reply("STILL THERE?", "stop")]
    assert len(server.bodies) == 3


def test_what_does_not_pass_is_told(server: Server) -> None:
    endpoint = _endpoint(server)
    server.script = [500] * 20
    with pytest.raises(UserError, match=r"status 500: .*status 500 as told"):
        _ask(endpoint, "?")
    assert len(server.bodies) == 6
    server.script = ["drop"] * 20
    with pytest.raises(UserError, match="does not answer"):
        _ask(endpoint, "?")


@pytest.mark.parametrize(
    "body", [b"<html>Welcome</html>", b"[]", b'{"choices": []}', b'{"choices": [{"text": "x"}]}']
)
def test_another_protocol_is_named(server: Server, body: bytes) -> None:
    endpoint = _endpoint(server)
    server.script = [body]
    with pytest.raises(UserError, match="not the answer of an OpenAI-compatible endpoint"):
        _ask(endpoint, "?")


def test_thoughts_are_no_answer(server: Server) -> None:
    endpoint = _endpoint(server)
    server.script = [
        {"content": "<think>\nport? 1?</think>\n\nIt is 2."},
        {"content": "It is 3.", "reasoning_content": "port? 1?"},
        {"content": None, "reasoning_content": "I never ended"},
        {"content": "<think> I never ended"},
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "port? 1?"}]},
                {"type": "text", "text": "It is "},
                {"type": "text", "text": "4."},
            ]
        },
    ]
    texts = {reply.text for reply in _ask(endpoint, *"abcde")}
    assert texts == {"It is 2.", "It is 3.", "It is 4.", ""}


def test_thinking_is_switched_off_where_the_server_knows_how(server: Server) -> None:
    endpoint = _endpoint(server)
    _ask(endpoint, "one")
    options = {"enable_thinking": False, "thinking": False, "reasoning_effort": "low"}
    assert server.bodies[-1]["chat_template_kwargs"] == options
    assert server.bodies[-1]["reasoning_effort"] == "low"

    def strict(body: dict[str, object]) -> object:
        return (400, "unknown field chat_template_kwargs") if len(body) > 7 else None

    server.script = [strict] * 3
    assert _ask(endpoint, "two") == [Reply("TWO", "stop")]
    assert _ask(endpoint, "three") == [Reply("THREE", "stop")]  # it is remembered
    assert ["chat_template_kwargs" in body for body in server.bodies] == [
        *(True, True, True, False, False)
    ]
    assert ["reasoning_effort" in body for body in server.bodies] == [
        *(True, True, False, False, False)
    ]


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, "This model's maximum context length is 2048 tokens. However, you requested 2100"),
        (400, "the request exceeds the available context size, try increasing it"),
        (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048"),
    ],
)
def test_a_prompt_beyond_the_window_is_left_out(server: Server, status: int, told: str) -> None:
    endpoint = _endpoint(server)
    server.script = [(status, told)]
    assert _ask(endpoint, "long") == [Reply("", TOO_LONG)]
    server.script = [(400, "no such sampler")] * 3
    with pytest.raises(UserError, match=r"status 400: .*no such sampler"):
        _ask(endpoint, "short")


def test_a_window_that_the_server_tells_counts() -> None:
    with serving(models={"small": {"max_model_len": 64}}) as server:
        endpoint = _endpoint(server)
        assert not endpoint.fits([], 64) and endpoint.fits([], 63)


def test_the_key_comes_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(key="secret") as server:
        monkeypatch.delenv(KEY, raising=False)
        with pytest.raises(UserError, match=rf"not allowed \(401\) with no key in {KEY}"):
            _endpoint(server)
        monkeypatch.setenv(KEY, "wrong")
        with pytest.raises(UserError, match="with the key in") as error:
            _endpoint(server)
        assert "wrong" not in str(error.value)
        monkeypatch.setenv(KEY, "schlüssel")
        with pytest.raises(UserError, match=f"{KEY}: not a key"):
            _endpoint(server)
        monkeypatch.setenv(KEY, "secret\n")
        assert _ask(_endpoint(server), "x") == [Reply("42", "stop")]


def test_a_key_goes_to_one_host(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["https://a.example/v1#m", "http://127.0.0.1:8000/v1", "embedded", ""]
    refuse_shared_key(names)  # there is no key
    monkeypatch.setenv(KEY, "secret")
    refuse_shared_key([names[0], "https://a.example:444/v1"])
    with pytest.raises(UserError, match=rf"{KEY}: .* a\.example and 127\.0\.0\.1;") as error:
        refuse_shared_key(names)
    assert f"in {KEY}_A_EXAMPLE and {KEY}_127_0_0_1" in str(error.value)
    assert "secret" not in str(error.value)
    monkeypatch.setenv(f"{KEY}_127_0_0_1", "")
    refuse_shared_key(names)
    assert [find_key(parse_address(name)) for name in names[:2]] == ["secret", ""]
    monkeypatch.setenv(f"{KEY}_A_EXAMPLE", "own")
    assert find_key(parse_address(names[0])) == "own"
    assert find_key(parse_address("https://b.example/v1")) == "secret"
    with pytest.raises(UserError, match=r"would go to a-b\.example and a\.b\.example"):
        monkeypatch.setenv(f"{KEY}_A_B_EXAMPLE", "one")
        refuse_shared_key(["https://a-b.example/v1", "https://a.b.example/v1"])


def test_a_key_does_not_go_unencrypted_over_a_net(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_key(parse_address("http://nowhere.invalid/v1")) == ""
    monkeypatch.setenv(KEY, "secret")
    with pytest.raises(UserError, match=f"{KEY} would go there unencrypted") as error:
        Endpoint("http://nowhere.invalid/v1", pause=0.01)
    assert "secret" not in str(error.value)
    for name in ("https://nowhere.invalid/v1", "http://10.1.2.3/v1", "http://localhost:8000/v1"):
        assert find_key(parse_address(name)) == "secret"


def test_the_model_is_named_or_the_only_one() -> None:
    with serving(models={"a/one": {}, "two": {}}) as server:
        assert _endpoint(server, "a/one").model == "a/one"
        with pytest.raises(UserError, match=r"which model is not said; it has: a/one, two"):
            _endpoint(server)
        with pytest.raises(UserError, match="no model three there; it has: a/one, two"):
            _endpoint(server, "three")
    unseen = pytest.raises(UserError, match=r"called one\\ntwo\\u202e, which no report can show")
    with serving(models={"one\ntwo\u202e": {}}) as server, unseen:
        _endpoint(server)
    with serving(models={}) as server, pytest.raises(UserError, match="it has: none"):
        _endpoint(server)


def test_nobody_there_and_a_wrong_path() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UserError, match=r"does not answer .*; start the server"):
        Endpoint(f"http://127.0.0.1:{port}/v1", pause=0.01)
    with serving() as server:
        with pytest.raises(UserError, match=r"not found \(404\)"):
            Endpoint(server.url.removesuffix("/v1"), pause=0.01)
        assert Endpoint(f"{server.url}/chat/completions", pause=0.01).model == "tiny"


def test_no_proxy_gets_what_is_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert _ask(_endpoint(server), "x") == [Reply("X", "stop")]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("http://user:pass@host/v1", "neither password nor query"),
        ("http://host/v1?key=secret", "neither password nor query"),
        ("http://user:secret@host:notaport/v1", "http://host: neither password nor query"),
        ("http://user:secret@[host/v1", "not an address"),
        ("http://user:secret@ho\0st/v1", "not an address"),
        ("http://user:secret#x@host/v1", "not an address"),
        ("http://host:port/v1?key=secret", "neither password nor query"),
        ("http:///v1", "not an address"),
        ("http://host:port/v1", "expected http://HOST:PORT/v1#MODEL"),
        ("ftp://host/v1", "not an address"),
        ("http://host\0/v1", "not an address"),
    ],
)
def test_what_is_no_address(name: str, told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)) as error:
        parse_address(name)
    assert "secret" not in str(error.value) and "pass@" not in str(error.value)


@pytest.mark.slow
@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for name in (text, f"http://{text}", f"http://host/{text}"):
        try:
            found = parse_address(name)
        except UserError:
            continue
        assert found.host and found.base.startswith(("http://", "https://"))


def test_it_is_said_where_it_goes_but_for_here_and_near() -> None:
    for near in ("127.0.0.1", "localhost", "[::1]", "10.1.2.3", "192.168.0.9", "172.16.1.1"):
        assert remote_host(f"http://{near}:8000/v1#m") == ""
    assert remote_host("https://models.example.com/v1#m") == "models.example.com"
    assert remote_host("http://8.8.8.8/v1") == "8.8.8.8"
    assert remote_host("/models/qwen") == ""


def test_labels_are_short() -> None:
    assert label("http://box:8000/v1#org/big") == "org/big at box:8000"
    assert label("/models/Qwen3-8B") == label("Qwen/Qwen3-8B") == "Qwen3-8B"


def test_an_endpoint_cannot_be_the_model_of_a_run(server: Server) -> None:
    with pytest.raises(UserError, match=r"can be asked but not trained; .*--against"):
        location.locate(server.url)


def test_what_cannot_be_asked_is_refused_by_its_flag(server: Server, tmp_path: object) -> None:
    check(Model(), server.url, "--x")
    check(Model(), "embedded", "--x")
    for name, told in (
        (f"{server.url}#other", f"--x {server.url}: no model other"),
        (f"{tmp_path}/none", f"--x {tmp_path}/none: no such folder"),
        ("nobody/nothing", "--x nobody/nothing: no such folder, and no model"),
    ):
        with pytest.raises(UserError, match=re.escape(told)):
            check(Model(), name, "--x")
