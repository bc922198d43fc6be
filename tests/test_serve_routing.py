"""Routed answers, reasons and progress over HTTP, on a scripted run that is calibrated."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from serving import served
from test_routing import FACTS, run  # noqa: F401 - a fixture
from test_serve import events

pytestmark = pytest.mark.slow
VALUE = next(value for kind, thing, value in FACTS if (kind, thing) == ("port", "node Coral"))
QUESTION, ANSWER = "Tell me the port of node Coral?", f"The port of node Coral is {VALUE}."


@pytest.fixture(scope="module")
def http(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:  # noqa: F811
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(run, folder / "run")
    with closing(sqlite3.connect(folder / "run" / "run.db")) as database, database:
        database.execute("UPDATE promotion SET promoted = (generation = 0)")
    with (
        served(folder / "run", folder) as service,
        httpx2.Client(base_url=service.url, timeout=30) as made,
    ):
        assert "calibrating on 72 test questions" in service.log.read_text()
        yield made


def ask(http: httpx2.Client, question: str = QUESTION, **more: Any) -> Any:
    body = {"question": question, "stream": False} | more
    return http.post("/api/ask", json=body).raise_for_status().json()


def test_each_question_is_routed(http: httpx2.Client) -> None:
    known = ask(http)
    assert (known["text"], known["way"], known["generation"]) == (ANSWER, "passages", 0)
    assert known["reliability"]["share"] >= 0.98 and known["reliability"]["n"] == 50
    mark = known["sources"][0]["mark"]
    assert mark["sentence"] == ANSWER
    assert [mark["sentence"][start:end] for start, end in mark["spans"]] == [VALUE]
    passage = http.get(f"/api/fragments/{known['sources'][0]['fragment']}").json()["text"]
    assert passage[mark["start"] : mark["end"]] == ANSWER
    unknown = ask(http, "Tell me the port of node Zulu?")
    assert (unknown["text"], unknown["way"]) == ("Not found in the documents.", "nothing")
    assert unknown["reliability"] is None and unknown["sources"]


def test_a_routed_answer_comes_as_events_too(http: httpx2.Client) -> None:
    response = http.post("/api/ask", json={"question": QUESTION})
    (one, found), (two, text), (three, done) = events(response.text)
    assert (one, two, three) == ("sources", "text", "done")
    assert text["text"] == done["text"] == ANSWER and found == done["sources"]
    assert done["reliability"]["n"] == 50


@pytest.mark.parametrize("more", [{"routing": False}, {"passages": 1}, {"closed": True}])
def test_who_asks_may_choose_the_way(http: httpx2.Client, more: dict[str, Any]) -> None:
    unknown = ask(http, "Tell me the port of node Zulu?", **more)
    assert unknown["way"] == ("memory" if "closed" in more else "passages")
    assert unknown["text"] != "Not found in the documents." and unknown["reliability"] is None
    assert ask(http, routing=False)["sources"][0]["mark"]["sentence"] == ANSWER


def test_a_generation_that_is_not_calibrated_answers_from_passages(http: httpx2.Client) -> None:
    other = ask(http, "Tell me the port of node Zulu?", model="1")
    assert (other["way"], other["generation"], other["reliability"]) == ("passages", 1, None)


def test_the_pairs_behind_an_answer_are_told(http: httpx2.Client) -> None:
    found = http.post("/api/why", json={"text": QUESTION, "limit": 2}).raise_for_status().json()
    assert found["tested"]["question"] == QUESTION and found["tested"]["share"] == 1
    first = found["pairs"][0]
    assert first["answer"] == ANSWER and first["trained"] == [1] and first["live"]
    assert first["source"]["document"].endswith("Coral.md") and len(found["pairs"]) == 2
    assert http.post("/api/why", json={"text": " "}).status_code == 400


def test_the_progress_of_the_run_is_told(http: httpx2.Client) -> None:
    told = http.get("/api/progress").raise_for_status().json()
    assert (told["state"], told["to_go"], told["stage"]) == ("complete", 0, None)
    names = [(one["generation"], one["stage"]) for one in told["stages"]]
    assert names[0] == (0, "read") and names[-1] == (1, "promote")
    assert all(one["done"] for one in told["stages"])
