"""The loop on scripted answers: what goes in, what comes out, what is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import exported, rows

from self_evolution import cli

Arguments = Callable[..., list[str]]


def test_a_run_goes_from_documents_to_a_report(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("run")) == 0
    run = tmp_path / "run"
    shown = capsys.readouterr()
    assert f"report: {run / 'report' / 'index.html'}" in shown.out
    assert "exact-match" in shown.out and "leads" in shown.out
    assert "1 of them duplicates: 6 to ask about" in shown.err
    assert {path.name for path in run.iterdir()} == {
        "run.db",
        "recipe.yaml",
        "adapters",
        "report",
    }
    assert sorted(path.name for path in (run / "adapters").iterdir()) == ["gen-1", "gen-2"]


def test_rows_of_a_run_are_consistent(arguments: Arguments, tmp_path: Path) -> None:
    cli.main(arguments("run"))
    run = tmp_path / "run"
    fragments = rows(run, "fragment")
    assert len(fragments) == 7
    assert [f["duplicate_of"] is not None for f in fragments].count(True) == 1
    questions, answers = rows(run, "question"), rows(run, "answer")
    assert len(questions) == len(answers) == 2 * 2 * 6  # generations, samples, fragments
    verdicts = {row["answer_id"]: row["reason"] for row in rows(run, "verdict")}
    reasons = [reason for reason in verdicts.values() if reason]
    assert len(verdicts) == 24 and len(reasons) == 18
    kept = {id for id, reason in verdicts.items() if reason is None}
    assert {row["answer_id"] for row in rows(run, "score")} == kept
    selected = rows(run, "selection")
    assert {row["answer_id"] for row in selected} == kept
    # the same questions in generation 2 are duplicates, so its training is replay alone
    assert [row["source"] for row in selected if row["generation"] == 2] == ["replay"] * 6
    assert [row["generation"] for row in rows(run, "adapter")] == [1, 2]
    assert len(rows(run, "prediction")) == 3 * 3 * 6  # generations, modes, items


def test_a_second_run_redoes_nothing(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(arguments("run"))
    before = exported(tmp_path / "run")
    stamp = (tmp_path / "run" / "report" / "index.html").stat().st_mtime_ns
    capsys.readouterr()
    assert cli.main(arguments("run")) == 0
    assert "is complete: nothing to do" in capsys.readouterr().err
    assert exported(tmp_path / "run") == before
    assert (tmp_path / "run" / "report" / "index.html").stat().st_mtime_ns == stamp


@pytest.mark.slow
def test_equal_runs_export_equal_bytes(arguments: Arguments, tmp_path: Path) -> None:
    cli.main(arguments("one"))
    cli.main(arguments("two"))
    assert exported(tmp_path / "one") == exported(tmp_path / "two")


@pytest.mark.slow
def test_more_generations_go_on_where_the_run_ended(arguments: Arguments, tmp_path: Path) -> None:
    cli.main(arguments("short", "--generations", "1"))
    cli.main(["run", "--run", str(tmp_path / "short"), "--generations", "2"])
    cli.main(arguments("long"))
    assert exported(tmp_path / "short") == exported(tmp_path / "long")


@pytest.mark.slow
def test_stages_one_by_one_give_the_same_run(arguments: Arguments, tmp_path: Path) -> None:
    cli.main(arguments("whole", "--generations", "1"))
    words = arguments("steps", "--generations", "1")
    assert cli.main(["read", *words[1:]]) == 0
    run = str(tmp_path / "steps")
    for stage in ("split", "build", "evaluate", "promote"):
        assert cli.main([stage, run]) == 0
    for stage in ("ask", "answer", "check", "score", "select", "train", "evaluate", "promote"):
        assert cli.main([stage, run]) == 0
    assert exported(tmp_path / "steps") == exported(tmp_path / "whole")


def test_a_stage_says_which_one_comes_before_it(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["read", *arguments("run")[1:]]) == 0
    assert cli.main(["answer", str(tmp_path / "run")]) == 2
    assert "comes after split of generation 0" in capsys.readouterr().err


@pytest.mark.slow
def test_status_tells_how_far_a_run_is(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["read", *arguments("run")[1:]])
    assert cli.main(["status", str(tmp_path / "run")]) == 0
    assert "next: split of generation 0" in capsys.readouterr().out
    cli.main(["run", "--run", str(tmp_path / "run")])
    assert cli.main(["status", str(tmp_path / "run")]) == 0
    assert "complete: 2 generations" in capsys.readouterr().out


def test_a_poisoned_pair_is_rejected(
    arguments: Arguments, tmp_path: Path, script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = json.loads(script.read_text())
    table["rules"][2]["reply"] = r"The \1 of \2 is 8088."
    script.write_text(json.dumps(table))
    assert cli.main(arguments("run")) == 2  # nothing at all to train on, and it says why
    error = capsys.readouterr().err
    assert "no pair to train on" in error
    assert "6 ungrounded_value" in error and "6 off_topic" in error
    verdicts = rows(tmp_path / "run", "verdict")
    details = [row["detail"] for row in verdicts if row["reason"] == "ungrounded_value"]
    assert details.count("not in the fragment: 8088") == 6


def test_a_run_without_an_evaluation_set_says_that_nothing_is_shown(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = arguments("run")
    at = words.index("--eval")
    assert cli.main(words[:at] + words[at + 2 :]) == 0
    shown = capsys.readouterr()
    assert "nothing shows whether this helped" in shown.out
    reasons = [row["reason"] for row in rows(tmp_path / "run", "promotion")]
    assert reasons[1].startswith("taken on trust")  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_question_of_the_evaluation_set_never_reaches_training(
    arguments: Arguments, tmp_path: Path, questions: Path
) -> None:
    lines = questions.read_text().splitlines()
    leaked = json.loads(lines[0]) | {"input": "What is the PORT of server Alpha?"}
    questions.write_text("\n".join([json.dumps(leaked), *lines[1:]]))
    cli.main(arguments("run"))
    verdicts = rows(tmp_path / "run", "verdict")
    assert sum(row["reason"] == "in_evaluation" for row in verdicts) == 2
    assert len(rows(tmp_path / "run", "score")) == 5


def test_limit_takes_that_many_passages(arguments: Arguments, tmp_path: Path) -> None:
    cli.main(["read", *arguments("run", "--limit", "5")[1:]])
    assert len(rows(tmp_path / "run", "section")) == 5
