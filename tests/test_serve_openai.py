"""The API of OpenAI, by its own client, on a scripted run in a real process."""

# ruff: noqa: F811 - fixtures are imported
from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
from conftest import FACTS, rows
from served_run import ANSWER, QUESTION, client, held, made, run, script, service  # noqa: F401

pytestmark = pytest.mark.slow


def test_the_leader_answers_from_memory_as_it_was_evaluated(
    run: Path, client: openai.OpenAI
) -> None:
    predicted = {
        row["item_id"]: row["text"]
        for row in rows(run, "prediction")
        if (row["generation"], row["mode"]) == (1, "closed")
    }
    for item in rows(run, "item"):
        question = {"role": "user", "content": item["question"]}
        made = client.chat.completions.create(model="leader", messages=[question])  # type: ignore
        assert made.choices[0].message.content == predicted[item["id"]]
        assert made.choices[0].finish_reason == "stop"
        assert made.model == "leader" and made.generation == 1 and made.sources == []  # type: ignore


def test_with_search_the_sources_are_told(client: openai.OpenAI) -> None:
    made: Any = client.chat.completions.create(
        model="base+search", messages=[{"role": "user", "content": QUESTION}]
    )
    assert made.choices[0].message.content == ANSWER and made.generation == 0
    assert "The port of server Alpha is 4711." in made.sources[0]["opening"]
    closed: Any = client.chat.completions.create(
        model="base", messages=[{"role": "user", "content": QUESTION}]
    )
    assert closed.choices[0].message.content == "I do not know the port of server Alpha."
    assert made.usage.prompt_tokens > closed.usage.prompt_tokens > 0
    assert closed.usage.completion_tokens == 10
    assert closed.usage.total_tokens == closed.usage.prompt_tokens + 10


def test_a_stream_adds_up_to_the_answer(client: openai.OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="leader+search",
            messages=[{"role": "user", "content": QUESTION}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    *parts, last, usage = chunks
    assert "".join(chunk.choices[0].delta.content or "" for chunk in parts) == ANSWER
    assert len(parts) > 4
    assert last.choices[0].finish_reason == "stop" and last.sources[0]["page"] is None  # type: ignore
    assert usage.choices == [] and usage.usage and usage.usage.completion_tokens == 8


@pytest.mark.parametrize(
    ("stop", "text"),
    [
        (["server"], "The port of"),
        (" of", "The port"),
        (["Alpha is", "Alp"], "The port of server"),
        (["zebra"], ANSWER),
        (["The"], ""),
        (["4711!"], ANSWER),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_ends_before_a_stop_word(
    client: openai.OpenAI, stop: Any, text: str, stream: bool
) -> None:
    made: Any = client.chat.completions.create(
        model="leader+search",
        messages=[{"role": "user", "content": QUESTION}],
        stop=stop,
        stream=stream,
    )
    if stream:
        got = "".join(chunk.choices[0].delta.content or "" for chunk in made)
        assert got.rstrip() == text
    else:
        assert made.choices[0].message.content == text
        assert made.choices[0].finish_reason == "stop"


def test_a_reply_is_cut_at_the_length_that_was_asked_for(client: openai.OpenAI) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        made = client.chat.completions.create(
            model="leader+search",
            messages=[{"role": "user", "content": QUESTION}],
            extra_body={name: 3},
        )
        assert made.choices[0].message.content == "The port of"
        assert made.choices[0].finish_reason == "length"


def test_earlier_turns_and_a_system_message_are_taken(client: openai.OpenAI) -> None:
    made = client.chat.completions.create(
        model="leader+search",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is the rack of node Coral?"},
            {"role": "assistant", "content": "R-17"},
            {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
        ],
    )
    assert made.choices[0].message.content == ANSWER


def test_completions_put_each_prompt_as_a_question(client: openai.OpenAI) -> None:
    questions = [f"What is the {key} of {thing}?" for key, thing, _ in FACTS]
    made = client.completions.create(model="leader", prompt=questions)
    assert [choice.text for choice in made.choices] == [
        f"The {key} of {thing} is {value}." for key, thing, value in FACTS
    ]
    assert [choice.index for choice in made.choices] == list(range(len(FACTS)))
    parts = client.completions.create(model="leader", prompt=questions[0], stream=True)
    assert "".join(part.choices[0].text for part in parts) == made.choices[0].text


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    assert [(one.id, one.generation) for one in client.models.list()] == [  # type: ignore
        ("leader", 1),
        ("leader+search", 1),
        ("base", 0),
        ("base+search", 0),
        ("1", 1),
        ("1+search", 1),
    ]
    assert client.models.retrieve("base").id == "base"


@pytest.mark.parametrize(
    ("more", "error", "told"),
    [
        ({"model": "gpt-4"}, openai.NotFoundError, "no such model"),
        ({"model": "7"}, openai.NotFoundError, "no such model"),
        ({"n": 2}, openai.BadRequestError, "n: this service"),
        ({"tools": [{"type": "function"}]}, openai.BadRequestError, "tools"),
        ({"response_format": {"type": "json_object"}}, openai.BadRequestError, "response_format"),
        ({"logit_bias": {"1": 5}}, openai.BadRequestError, "logit_bias"),
        ({"presence_penalty": 1}, openai.BadRequestError, "presence_penalty"),
        ({"temperature": 3}, openai.BadRequestError, "temperature"),
        ({"max_tokens": 501}, openai.BadRequestError, "500 tokens at most"),
        ({"logprobs": True}, openai.BadRequestError, "gives none"),
        ({"messages": []}, openai.BadRequestError, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, openai.BadRequestError, "role"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, openai.BadRequestError, "turns"),
    ],
)
def test_what_cannot_be_done_is_refused_in_openais_shape(
    client: openai.OpenAI, more: dict[str, Any], error: type[openai.APIStatusError], told: str
) -> None:
    body = {"model": "leader", "messages": [{"role": "user", "content": "?"}]} | more
    with pytest.raises(error) as raised:
        client.post("/chat/completions", body=body, cast_to=object)
    assert told in raised.value.body["message"]  # type: ignore[index]
    assert raised.value.type == "invalid_request_error"
