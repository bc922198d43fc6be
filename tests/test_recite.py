"""Before a selection by mastery the current model recites earlier pairs with the book closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import exported, rows

from self_evolution import cli

Arguments = Callable[..., list[str]]
MASTERY = ("--select.strategy", "mastery", "--generations", "3", "--promote.rule", "always")


def test_what_the_model_misses_is_replayed(arguments: Arguments, tmp_path: Path) -> None:
    """The scripted model knows what it was trained on, so it misses only what it never saw."""
    assert cli.main(arguments("run", *MASTERY, "--select.k", "3")) == 0
    run = tmp_path / "run"
    recited = rows(run, "recitation")
    assert {row["generation"] for row in recited} == {2, 3}
    answers = {row["id"]: row["text"] for row in rows(run, "answer")}
    for row in recited:
        assert (row["known"] == 100.0) is (answers[row["answer_id"]] == row["text"])
    replayed = [row for row in rows(run, "selection") if row["source"] == "replay"]
    assert {row["generation"] for row in replayed} == {2, 3}
    asked = {(row["generation"], row["answer_id"]) for row in recited}
    assert {(row["generation"], row["answer_id"]) for row in replayed} <= asked
    assert all(
        sum(row["generation"] == generation for row in replayed) == 3 for generation in (2, 3)
    )


def test_only_a_sample_is_asked_and_only_for_this_strategy(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments("few", *MASTERY, "--select.recite", "2")) == 0
    assert "% of earlier pairs known" in capsys.readouterr().err
    asked = sorted(int(str(row["generation"])) for row in rows(tmp_path / "few", "recitation"))
    assert asked == [2, 2, 3, 3]
    assert cli.main(arguments("without")) == 0
    assert rows(tmp_path / "without", "recitation") == []
    assert cli.main(["recite", str(tmp_path / "without")]) == 2
    assert "--select.strategy" in capsys.readouterr().err


def test_stage_by_stage_it_is_the_same_run(arguments: Arguments, tmp_path: Path) -> None:
    assert cli.main(arguments("whole", *MASTERY)) == 0
    words = arguments("parts", *MASTERY)
    assert cli.main(["read", *words[1:]]) == 0
    parts = str(tmp_path / "parts")
    for stage in ("split", "build", "evaluate", "promote"):
        assert cli.main([stage, parts]) == 0
    each = ("ask", "answer", "check", "score", "recite", "select", "train", "evaluate", "promote")
    for stage in each * 3:
        assert cli.main([stage, parts]) == 0
    assert exported(tmp_path / "parts") == exported(tmp_path / "whole")
