"""The service: its own API, and its beginning and end, on a scripted run in a real process."""

# ruff: noqa: F811 - fixtures are imported
from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from conftest import rows
from served_run import ANSWER, QUESTION, held, http, made, run, script, service  # noqa: F401
from serving import Service, served

from self_evolution import cli
from self_evolution.ledger.feedback import FeedbackStore

pytestmark = pytest.mark.slow


def events(text: str) -> list[tuple[str, Any]]:
    """(name, value) of each server-sent event."""
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


# -- the API with sources ---------------------------------------------------------------------


def test_a_question_is_answered_with_its_sources(http: httpx2.Client) -> None:
    answered = http.post("/api/ask", json={"question": QUESTION, "stream": False}).json()
    assert answered["text"] == ANSWER and answered["generation"] == 1 and not answered["cut"]
    source = answered["sources"][0]
    assert source["document"].endswith("a.md") and source["heading"][-1] == "Server Alpha"
    passage = http.get(f"/api/fragments/{source['fragment']}").json()
    assert passage["text"].startswith("The port of server Alpha is 4711.")
    assert passage["before"] is None and passage["document"] == source["document"]
    after = http.get(f"/api/fragments/{passage['after']}").json()
    assert "alarm Brake" in after["text"] and after["before"] == source["fragment"]


def test_an_answer_is_streamed_as_events(http: httpx2.Client) -> None:
    response = http.post("/api/ask", json={"question": QUESTION})
    assert response.headers["content-type"].startswith("text/event-stream")
    (first, found), *texts, (last, done) = events(response.text)
    assert (first, last) == ("sources", "done") and {name for name, _ in texts} == {"text"}
    assert "".join(value["text"] for _, value in texts) == done["text"] == ANSWER
    assert found == done["sources"] and len(texts) > 4


def test_a_question_may_be_put_to_one_document(http: httpx2.Client) -> None:
    paths = {Path(row["path"]).name: row["path"] for row in http.get("/api/documents").json()}
    assert set(paths) == {"a.md", "b.txt", "c.html"}
    question = {"question": "What is the limit of queue Foxtrot?", "stream": False, "model": "base"}

    def texts(name: str) -> list[str]:
        asked = question | {"document": paths[name], "passages": 5}
        return [one["document"] for one in http.post("/api/ask", json=asked).json()["sources"]]

    assert texts("c.html") == [paths["c.html"]]
    assert set(texts("a.md")) <= {paths["a.md"]}
    missing = http.post("/api/ask", json=question | {"document": "no.md"})
    assert missing.status_code == 404 and missing.json()["error"]["param"] == "document"


def test_memory_history_and_mistakes(http: httpx2.Client) -> None:
    def ask(**more: Any) -> httpx2.Response:
        return http.post("/api/ask", json={"question": QUESTION, "stream": False} | more)

    closed = ask(closed=True, model="base").json()
    assert closed["sources"] == [] and closed["text"].startswith("I do not know")
    history = [{"question": "What is the rack of node Coral?", "answer": "R-17"}]
    follow = ask(question="And the port?", history=history).json()
    assert any("node Coral" in one["opening"] for one in follow["sources"])
    assert ask(closed=True, passages=3).status_code == 400
    assert ask(question=" \n").status_code == 400
    assert ask(passages=0).status_code == 400
    assert ask(model="9").json()["error"]["code"] == "model_not_found"


def test_the_state_of_the_run_is_told(http: httpx2.Client, run: Path) -> None:
    state = http.get("/api/run").json()
    assert (state["name"], state["leader"]) == (run.name, 1)
    assert [one["generation"] for one in state["generations"]] == [0, 1]
    told = {
        (one["generation"], score["mode"]): score["mean"]
        for one in state["generations"]
        for score in one["scores"]
    }
    stored = {
        (row["generation"], row["mode"]): row["mean"]
        for row in rows(run, "evaluation")
        if (row["suite"], row["metric"]) == ("domain", "exact-match")
    }
    assert told == stored and len(told) == 6
    assert http.get("/health").json() == {"status": "ok"}
    text = http.get("/metrics").text
    assert "self_evolution_leader 1.0" in text and "self_evolution_requests_total" in text


def test_a_description_and_a_page_come_from_this_host_alone(http: httpx2.Client) -> None:
    made = http.get("/openapi.json").json()
    assert "/v1/chat/completions" in made["paths"] and "/api/ask" in made["paths"]
    assert not any(
        "422" in one["responses"] for path in made["paths"].values() for one in path.values()
    )
    page = http.get("/")
    assert "http://" not in page.text and "https://" not in page.text
    assert http.get("/static/page.css").status_code == 200
    assert http.get("/docs").status_code == 404


# -- a run that goes on, and an end -----------------------------------------------------------


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_new_leader_is_taken_up_without_a_dropped_request(run: Path, tmp_path: Path) -> None:
    """Clients ask all the time while another process promotes generation 1."""
    folder = tmp_path / "copy"
    shutil.copytree(run, folder)
    with closing(sqlite3.connect(folder / "run.db")) as database, database:
        database.execute("UPDATE promotion SET promoted = 0 WHERE generation = 1")
    with served(folder, tmp_path) as service, httpx2.Client(base_url=service.url) as http:
        answers: list[tuple[int, str]] = []
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                body = {"question": QUESTION, "closed": True, "stream": False}
                got = http.post("/api/ask", json=body).raise_for_status().json()
                answers.append((got["generation"], got["text"]))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        _until(lambda: len(answers) >= 20)
        with closing(sqlite3.connect(folder / "run.db")) as database, database:
            database.execute("UPDATE promotion SET promoted = 1 WHERE generation = 1")
        count = len(answers)
        _until(lambda: len(answers) >= count + 20)
        stop.set()
        for thread in threads:
            thread.join()
    assert set(answers) == {(0, "I do not know the port of server Alpha."), (1, ANSWER)}
    assert answers[-1][0] == 1


def test_sigterm_ends_it_and_leaves_no_trace(run: Path, tmp_path: Path) -> None:
    with served(run, tmp_path) as service:
        assert httpx2.post(f"{service.url}/api/ask", json={"question": QUESTION}).is_success
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(10) == 0
    text = service.log.read_text()
    assert "POST /api/ask 200" in text and "Alpha" not in text and "Traceback" not in text


def test_questions_are_logged_where_that_is_asked_for(run: Path, tmp_path: Path) -> None:
    with served(run, tmp_path, "--log-questions") as service:
        httpx2.post(f"{service.url}/api/ask", json={"question": QUESTION}).raise_for_status()
    assert f"question: {QUESTION!r}" in service.log.read_text()


# -- mistakes of the person who starts it -----------------------------------------------------


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.main(["serve", *words]) == 2
    return capsys.readouterr().err


def test_a_port_that_is_taken_is_told(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        assert "give another --port" in refused(capsys, str(run), "--port", port)


def test_two_services_cannot_share_a_port(
    service: Service, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "give another --port" in refused(capsys, str(run), "--port", str(service.port))


def test_it_says_what_is_missing_before_it_listens(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no run here" in refused(capsys, str(tmp_path / "nothing"))
    assert "give a --token-file" in refused(capsys, str(run), "--host", "0.0.0.0")
    assert "openssl rand" in refused(capsys, str(run), "--token-file", str(tmp_path / "none"))
    (tmp_path / "short").write_text("secret")
    assert "at least 16" in refused(capsys, str(run), "--token-file", str(tmp_path / "short"))
    for statement, told in (
        ("DELETE FROM meta WHERE key = 'indexed'", "not indexed"),
        ("""UPDATE meta SET value = '{"a": "b"}' WHERE key = 'model'""", "put the old one back"),
    ):
        folder = tmp_path / told[:4]
        shutil.copytree(run, folder)
        with closing(sqlite3.connect(folder / "run.db")) as database, database:
            database.execute(statement)
        assert told in refused(capsys, str(folder), "--port", "0")


# -- corrections ------------------------------------------------------------------------------


def test_feedback_is_kept_with_all_that_belongs_to_it(http: httpx2.Client, run: Path) -> None:
    answered = http.post("/api/ask", json={"question": QUESTION, "stream": False}).json()
    given = {
        "question": QUESTION,
        "answer": answered["text"],
        "generation": answered["generation"],
        "fragments": [one["fragment"] for one in answered["sources"]],
    }
    right = http.post("/api/feedback", json=given | {"verdict": "right", "reviewer": "Ada"})
    assert right.status_code == 201
    better = http.post("/api/feedback", json=given | {"verdict": "better", "better": "4711"})
    one, two = FeedbackStore(run).rows(right.json()["id"] - 1)
    assert (one.verdict, one.better, one.reviewer) == ("right", "", "Ada")
    assert (two.verdict, two.better, two.id) == ("better", "4711", better.json()["id"])
    assert two.question == QUESTION and two.answer == ANSWER and two.generation == 1
    assert list(two.fragments) == given["fragments"]
    assert [two.adapter] == [row["sha256"] for row in rows(run, "adapter")]
    for more in (
        {"verdict": "better"},
        {"verdict": "wrong", "better": "4711"},
        {"verdict": "perhaps"},
        {"verdict": "right", "generation": 7},
        {"verdict": "right", "fragments": ["none"]},
        {"verdict": "right", "answer": " "},
        {"verdict": "right", "question": "?" * 4001},
        {"verdict": "right", "answer": "Not found in the documents."},
    ):
        assert http.post("/api/feedback", json=given | more).status_code == 400
    assert len(FeedbackStore(run).rows(one.id - 1)) == 2


# -- the description is true ------------------------------------------------------------------


@pytest.mark.drill
def test_every_answer_is_one_that_the_description_has(service: Service, tmp_path: Path) -> None:
    """Hundreds of requests made from the description, sound and unsound ones.

    A conversation must be in turns, which the description cannot say: so a request that follows it
    may still be refused.
    """
    done = subprocess.run(
        [
            *("schemathesis", "run", f"{service.url}/openapi.json", "--seed", "1"),
            *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
            *("--phases", "coverage,fuzzing", "--max-examples", "1", "--continue-on-failure"),
            *("--warnings", "off", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stdout[-5000:]
    found = re.search(r"(\d+) generated, \1 passed", done.stdout)
    assert found and int(found[1]) > 300, done.stdout[-1000:]
