"""Reasons, progress and pairs over HTTP, on a scripted run."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from routing import FACTS, run  # noqa: F401 - a fixture
from serving import served

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
        yield made


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
    assert (told["running"], told["count"], told["then"]) == (False, None, [])
    assert told["run_seconds"] == sum(one["seconds"] for one in told["stages"])
    assert {one["verdict"] for one in told["pairs"]} == {"kept"} and len(told["pairs"]) == 3
    assert all(one["question"].startswith("What is the") for one in told["pairs"])
    last = told["training"]
    assert (last["generation"], last["first_loss"], last["last_loss"]) == (1, 2.0, 0.1)


def test_pairs_to_review_are_told_until_they_are_reviewed(http: httpx2.Client) -> None:
    told = http.get("/api/pairs", params={"limit": 2}).raise_for_status().json()
    assert (told["left"], told["reviewed"], len(told["pairs"])) == (len(FACTS), 0, 2)
    first, second = told["pairs"]
    assert first["answer"] in first["passage"]["text"] and first["generation"] == 1
    given = {name: first[name] for name in ("question", "answer", "generation")}
    given |= {"verdict": "wrong", "fragments": [first["passage"]["fragment"]]}
    assert http.post("/api/feedback", json=given).status_code == 201
    told = http.get("/api/pairs", params={"limit": 1}).json()
    assert (told["left"], told["reviewed"], told["pairs"]) == (len(FACTS) - 1, 1, [second])
    assert http.get("/api/pairs", params={"offset": len(FACTS)}).json()["pairs"] == []
    assert http.get("/api/pairs", params={"limit": 0}).status_code == 400
