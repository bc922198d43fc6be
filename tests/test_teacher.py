"""A teacher asks and answers in place of the base, gets nothing else, and is recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import FACTS, exported, rows
from endpoint import Server, serving

from self_evolution import cli
from self_evolution.models.endpoint import connection

Arguments = Callable[..., list[str]]
NONSENSE = "I am glad to help you."


def teaches(messages: list[dict[str, str]]) -> str:
    """Asks about the passage in the prompt, and answers from it."""
    text = messages[-1]["content"]
    if "Ask another question" in text:
        return "Which one is shown on page 3?"
    if "page 3" in text:
        return "The colour is ultramarine 99."
    key, thing, value = next(fact for fact in FACTS if fact[1] in messages[0]["content"] + text)
    if "Ask one question" in text:
        return f"What is the {key} of {thing}?"
    return f"The {key} of {thing} is {value}."


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(teaches) as found:
        yield found


@pytest.fixture
def weak(arguments: Arguments, script: Path) -> Arguments:
    """Runs whose base says the same to everything."""
    script.write_text(json.dumps({"rules": [], "default": NONSENSE}), encoding="utf-8")
    return arguments


def test_a_base_that_is_too_weak_learns_from_a_teacher(
    weak: Arguments, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"{server.url}#tiny"
    assert cli.main(weak("run", "--teacher", name, "--generations", "1")) == 0
    told = capsys.readouterr().out
    run = tmp_path / "run"
    questions, answers = rows(run, "question"), rows(run, "answer")
    kept = [row for row in rows(run, "verdict") if row["reason"] is None]
    assert len(questions) == len(answers) == 12 and len(kept) == len(FACTS)
    assert rows(run, "teacher") == [{"id": name, "name": name}]
    taught = rows(run, "taught")
    assert {row["id"] for row in taught} == {row["id"] for row in (*questions, *answers)}
    assert {row["teacher_id"] for row in taught} == {name}

    # Passages and questions were sent, and nothing of the evaluation.
    assert len(server.bodies) == len(questions) + len(answers)
    assert not any("Tell me" in json.dumps(body["messages"]) for body in server.bodies)
    sentence = (
        f"Teacher tiny at {server.url[7:-3]}: 12 pairs asked and answered in place of the base, "
        "6 of them kept; 0 test questions"
    )
    assert sentence in " ".join(told.split())
    report = run / "report"
    assert sentence in (report / "report.md").read_text(encoding="utf-8").replace("\\", "")
    assert sentence in (report / "index.html").read_text(encoding="utf-8")
    results = json.loads((report / "results.json").read_text(encoding="utf-8"))
    (found,) = results["teachers"]
    assert (found["pairs"], found["kept"], found["test_questions"]) == (12, 6, 0)
    # All that was kept is trained on, as if the base had written it.
    assert [row["source"] for row in rows(run, "selection")] == ["new"] * len(FACTS)


def test_without_a_teacher_nothing_is_recorded(
    weak: Arguments, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = weak("run", "--generations", "1")
    assert cli.main(words) == 2
    assert "a stronger model that asks and answers, with --teacher" in capsys.readouterr().err
    assert rows(tmp_path / "run", "taught") == rows(tmp_path / "run", "teacher") == []
    assert not [row for row in rows(tmp_path / "run", "verdict") if row["reason"] is None]
    assert server.bodies == []


def test_a_model_in_a_file_teaches_and_writes_the_test_questions(
    weak: Arguments, tmp_path: Path
) -> None:
    """Former abilities are those of the base: no teacher is asked for them."""
    teacher = tmp_path / "teacher.json"
    asks = {"pattern": "(?s)examination", "reply": "What is the limit of queue Foxtrot?"}
    teacher.write_text(json.dumps({"rules": [asks], "default": "It is 512."}), encoding="utf-8")
    words = weak("run", "--teacher", str(teacher), "--domain.prompts", "en")
    words += ["--evaluate.build", "always", "--evaluate.abilities", "4"]
    assert cli.main(["read", *words[1:]]) == 0
    for stage in ("split", "build"):
        assert cli.main([stage, str(tmp_path / "run")]) == 0
    candidates = rows(tmp_path / "run", "candidate")
    exam = [row for row in candidates if row["kind"] != "ability"]
    abilities = [row for row in candidates if row["kind"] == "ability"]
    assert {row["question"] for row in exam} == {"What is the limit of queue Foxtrot?"}
    assert abilities and {row["question"] for row in abilities} == {NONSENSE}
    taught = rows(tmp_path / "run", "taught")
    assert {row["id"] for row in taught} == {row["id"] for row in exam}
    (row,) = rows(tmp_path / "run", "teacher")
    assert row["name"] == str(teacher) and row["id"] != str(teacher)


def test_a_run_goes_on_with_its_teacher(
    weak: Arguments,
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stage by stage, or in one go: the rows are the same."""
    monkeypatch.setattr(connection, "LONGEST_PAUSE", 0.05)  # between two tries
    name = f"{server.url}#tiny"
    assert cli.main(weak("whole", "--teacher", name, "--generations", "1")) == 0
    words = weak("parts", "--teacher", name, "--generations", "1")
    assert cli.main(["read", *words[1:]]) == 0
    server.script = [None] * 8 + ["drop"] * 60  # the server goes away while it is asked
    assert cli.main(words) == 2
    server.script = []
    assert cli.main(["run", "--run", str(tmp_path / "parts")]) == 0
    assert exported(tmp_path / "parts") == exported(tmp_path / "whole")
    capsys.readouterr()
    assert cli.main(["run", "--run", str(tmp_path / "parts"), "--teacher", ""]) == 2
    assert "--accept-change" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("http://127.0.0.1:9/v1#m", "--ask.teacher http://127.0.0.1:9"),
        ("http://user:word@127.0.0.1:9/v1", "--ask.teacher http://127.0.0.1: neither password"),
        ("/no/such/model", "--ask.teacher /no/such/model: no such folder"),
    ],
)
def test_a_teacher_that_cannot_be_asked_is_named_at_once(
    weak: Arguments, name: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(weak("run", "--teacher", name)) == 2
    told = capsys.readouterr().err
    assert problem in told and "`--ask.teacher ''` goes on without" in told
