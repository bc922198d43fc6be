"""Contradictions between documents: found before training, listed, and trained on by choice."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from conftest import rows
from test_reader_pairs import lines

from self_evolution import cli
from self_evolution.evaluation.contradictions import contradict, question_key

Arguments = Callable[..., list[str]]

PORT = "The port of server Alpha is {}. It is checked every morning."
ASKED = "What is the port of server Alpha?"


@pytest.mark.parametrize(
    ("question", "one", "other", "expected"),
    [
        ("What is the port of Alpha?", "The port is 5432.", "It is 5433.", True),
        ("What is the port of Alpha?", "The port is 5432.", "Port 5432 it is.", False),
        ("What is the timeout?", "30 s", "The timeout is 30 seconds.", False),
        ("What is the timeout?", "30 s", "The timeout is 30 minutes.", True),
        ("Which ports are open?", "Port 80.", "Ports 80 and 443.", False),
        ("Which ports are open?", "Port 80.", "Port 443.", True),
        ("When was V2 released?", "V2 was released in 2019.", "In March 2019.", False),
        ("Is port 80 open?", "Port 80 is open.", "Yes, port 80 is open.", False),
        ("Is it on by default?", "Yes, it is.", "No, it must be switched on.", True),
        ("Is it on by default?", "Yes.", "It is on.", False),
        ("Which node takes part?", "No node does.", "Yes.", False),
        ("Who is responsible?", "That is Anna Meier.", "This is Tom Gruber.", True),
        ("Who is responsible?", "That is Anna Meier.", "It is Ms Meier.", False),
        ("What does it do?", "It copies files.", "It moves files.", False),
        ("端口号是多少？", "端口号是5432。", "端口号为5433。", True),
        ("端口号是多少？", "端口号是5432。", "是5432。", False),
        ("默认是否开启？", "是，默认开启。", "不，默认关闭。", True),
    ],
)
def test_answers_contradict_each_other_if_both_cannot_be_right(
    question: str, one: str, other: str, expected: bool
) -> None:
    assert contradict(question, one, other) is expected
    assert contradict(question, other, one) is expected
    assert not contradict(question, one, one)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("What is the port of Alpha?", "What is port of alpha", True),
        ("Which port does Alpha use?", "What port does Alpha use?", True),
        ("How far is it from A to B?", "How far is it from B to A?", False),
        ("Which shelf holds the rack?", "Which rack holds the shelf?", False),
        ("When was it installed?", "Where was it installed?", False),
        ("端口号是多少？", "请问端口号是多少", True),
    ],
)
def test_a_question_is_known_again_in_the_same_words(one: str, other: str, equal: bool) -> None:
    assert (question_key(one) == question_key(other)) is equal


def conflicting(documents: Path) -> None:
    (documents / "old").mkdir()
    (documents / "old" / "d.txt").write_text(PORT.format(9999), encoding="utf-8")


def trained(run: Path) -> dict[str, set[str]]:
    """{question: the answers that generation 2 was trained on}."""
    asked = {row["id"]: row["text"] for row in rows(run, "question")}
    answers = {row["id"]: (asked[row["question_id"]], row["text"]) for row in rows(run, "answer")}
    found: dict[str, set[str]] = {}
    for row in rows(run, "selection"):
        if row["generation"] == 2 and row["answer_id"]:
            question, answer = answers[row["answer_id"]]
            found.setdefault(str(question), set()).add(str(answer))
    return found


def results(run: Path) -> list[dict[str, object]]:
    cli.main(["report", str(run)])
    found = json.loads((run / "report" / "results.json").read_text())["contradictions"]
    return list(found)


def test_of_two_documents_that_differ_neither_is_trained_on(
    arguments: Arguments, documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    conflicting(documents)
    run = tmp_path / "run"
    assert cli.main(arguments("run")) == 0
    shown = capsys.readouterr()
    assert "2 of all generations left out, because pairs contradict each other" in shown.err
    assert "Contradictions: 1 (two places answer the same question differently)" in shown.out
    assert ASKED not in trained(run) and len(trained(run)) == 5
    (found,) = results(run)
    sides = [found["left_out"], found["other"]]
    assert {(side["path"], side["answer"]) for side in sides} == {  # type: ignore[index]
        (str(documents / "a.md"), "The port of server Alpha is 4711."),
        (str(documents / "old" / "d.txt"), "The port of server Alpha is 9999."),
    }
    assert found["question"] == ASKED and found["believed"] is False
    assert cli.main(["status", str(run)]) == 0
    assert "Contradictions: 1" in capsys.readouterr().out
    for page in ("index.html", "report.md"):
        text = (run / "report" / page).read_text(encoding="utf-8")
        assert "Contradictions in the documents" in text and "old/d.txt" in text


@pytest.mark.parametrize(
    ("prefer", "expected"),
    [
        ("old/*", "9999"),
        ("?.md,?.txt", "4711"),
        ("newest", "9999"),
        ("trusted,newest", "9999"),
        ("c.html", None),
        ("off", "both"),
    ],
)
def test_the_preferred_document_is_believed(
    arguments: Arguments, documents: Path, tmp_path: Path, prefer: str, expected: str | None
) -> None:
    conflicting(documents)
    for path in documents.rglob("*.*"):
        os.utime(path, (1_600_000_000, 1_600_000_000 + 9 * (path.parent.name == "old")))
    option = ["--check.contradictions", "false"] if prefer == "off" else ["--check.prefer", prefer]
    assert cli.main(arguments("run", *option)) == 0
    answers = trained(tmp_path / "run").get(ASKED, set())
    if expected == "both":
        assert len(answers) == 2 and not results(tmp_path / "run")
    else:
        wanted = {f"The port of server Alpha is {expected}."} if expected else set()
        assert answers == wanted


@pytest.mark.parametrize("entry", ["nothing/*", "truste", "d.txt"])
def test_what_prefers_nothing_is_refused_before_any_work(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str], entry: str
) -> None:
    assert cli.main(arguments("run", "--check.prefer", f"newest,{entry}")) == 2
    error = capsys.readouterr().err
    assert f"--check.prefer {entry}: it is neither trusted nor newest" in error
    assert "none of the documents, such as " in error and "a.md" in error
    assert not rows(tmp_path / "run", "question")


def test_what_prefers_a_withdrawn_document_is_no_mistake(
    arguments: Arguments, documents: Path
) -> None:
    conflicting(documents)
    command = arguments("run", "--check.prefer", "old/*", "--promote.patience", "0")
    assert cli.main(command) == 0
    shutil.rmtree(documents / "old")
    assert cli.main([*command, "--accept-change", "--generations", "+1"]) == 0


def test_a_document_in_an_archive_is_as_new_as_the_archive(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    with ZipFile(documents / "new.zip", "w") as archive:
        archive.writestr("d.txt", PORT.format(9999))
    for path in documents.glob("*.*"):
        os.utime(path, (1_600_000_000, 1_600_000_000 + 9 * (path.suffix == ".zip")))
    assert cli.main(arguments("run", "--check.prefer", "newest")) == 0
    assert trained(tmp_path / "run")[ASKED] == {"The port of server Alpha is 9999."}


def test_newest_does_not_decide_where_a_time_is_not_known(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    for path in documents.glob("*.*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    pairs = lines(tmp_path / "pairs.jsonl", {"question": ASKED, "answer": "Port 8080."})
    options = ["--pairs", str(pairs), "--check.prefer", "newest"]
    assert cli.main(arguments("run", *options)) == 0
    assert ASKED not in trained(tmp_path / "run")


def test_trusted_pairs_win_where_the_user_says_so(arguments: Arguments, tmp_path: Path) -> None:
    pairs = lines(tmp_path / "pairs.jsonl", {"question": ASKED, "answer": "Port 8080."})
    own = ["--pairs", str(pairs)]
    assert cli.main(arguments("neither", *own)) == 0
    assert cli.main(arguments("own", *own, "--check.prefer", "trusted")) == 0
    assert ASKED not in trained(tmp_path / "neither")
    assert trained(tmp_path / "own")[ASKED] == {"Port 8080."}
    (found,) = results(tmp_path / "own")
    assert found["believed"] is True
    assert found["other"] == {"answer": "Port 8080.", "path": str(pairs), "place": "row 1"}


def test_a_conflict_ends_with_the_document_that_caused_it(
    arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    """The pair that stays was scored and is replayed, without being asked again."""
    conflicting(documents)
    run = tmp_path / "run"
    assert cli.main(arguments("run", "--generations", "1")) == 0
    (documents / "old" / "d.txt").unlink()
    assert cli.main(arguments("run", "--generations", "2", "--accept-change")) == 0
    assert trained(run)[ASKED] == {"The port of server Alpha is 4711."}
    assert results(run) == []
