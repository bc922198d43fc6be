"""A person looks through the test questions: edits and deletions come back as a new version."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import rows
from test_build import words  # noqa: F401 - a fixture

from self_evolution import cli

Words = Callable[..., list[str]]


@pytest.fixture
def run(words: Words, tmp_path: Path) -> Path:  # noqa: F811
    """A run whose test questions are locked, and nothing else."""
    assert cli.main(["read", *words("run")[1:]]) == 0
    for stage in ("split", "build"):
        assert cli.main([stage, str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def written(run: Path) -> list[dict[str, Any]]:
    file = run.with_name("review.jsonl")
    assert cli.main(["review", str(run), "-o", str(file)]) == 0
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def taken(run: Path, lines: list[dict[str, Any]]) -> int:
    file = run.with_name("edited.jsonl")
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return cli.main(["review", str(run), "--import", str(file)])


def test_the_file_says_all_that_a_reviewer_needs(run: Path) -> None:
    lines = written(run)
    assert [line["kind"] for line in lines] == ["seen"] * 16 + ["unseen"] * 4
    first = lines[0]
    assert set(first) == {
        "id",
        "kind",
        "document",
        "heading",
        "passage",
        "question",
        "reference",
        "values",
        "keep",
    }
    assert first["document"].endswith(".md") and first["heading"][1].startswith("Unit ")
    assert first["values"][0] in first["reference"] and first["reference"] in first["passage"]
    assert all(line["keep"] is True for line in lines)


@pytest.mark.slow
def test_edits_and_deletions_make_a_new_version(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = written(run)
    before = rows(run, "item")
    lines[0]["question"] = "Which label is on it?"
    lines[1]["reference"] = "The tag is T-7."  # its values follow
    lines[2]["keep"] = False
    capsys.readouterr()
    assert taken(run, [*lines[:3], *lines[4:]]) == 0
    out = capsys.readouterr().out
    assert "2 edited, 2 struck out; 18 questions locked as version 2" in out
    after = rows(run, "item")
    assert all(row in after for row in before) and len(after) == 22
    gone = rows(run, "replacement")
    assert {row["item_id"] for row in gone} == {line["id"] for line in lines[:4]}
    assert sum(row["new_id"] is None for row in gone) == 2
    assert [(row["version"], row["origin"]) for row in rows(run, "lock")] == [
        (1, "built"),
        (2, "reviewed"),
    ]
    now = written(run)
    assert [line["question"] for line in now] == [
        line["question"] for i, line in enumerate(lines) if i not in (2, 3)
    ]
    assert (now[1]["reference"], now[1]["values"]) == ("The tag is T-7.", ["T-7"])
    # the run goes on with the new ones alone
    assert cli.main(["run", "--run", str(run)]) == 0
    asked = {row["item_id"] for row in rows(run, "prediction")}
    assert asked == {line["id"] for line in now}


def test_taken_back_as_it_was_nothing_changes(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = written(run)
    assert taken(run, lines) == 0
    assert "nothing has changed; 20 questions locked as version 1" in capsys.readouterr().out
    assert len(rows(run, "lock")) == 1


def test_an_edit_can_be_taken_back(run: Path) -> None:
    lines = written(run)
    original = lines[0]["question"]
    lines[0]["question"] = "Which label?"
    assert taken(run, lines) == 0
    again = written(run)
    again[0]["question"] = original
    assert taken(run, again) == 0
    assert written(run)[0]["question"] == original
    assert [row["version"] for row in rows(run, "lock")] == [1, 2, 3]


@pytest.mark.slow
def test_after_generation_0_was_evaluated_it_is_too_late(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = written(run)
    assert cli.main(["evaluate", str(run)]) == 0
    assert taken(run, lines[1:]) == 2
    assert "a model has answered these questions" in capsys.readouterr().err
    assert rows(run, "replacement") == []


def test_when_all_is_struck_out_nothing_shows_whether_it_helped(
    arguments: Words, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The user's own questions count too; reading again restores none of them."""
    assert cli.main(["read", *arguments("own")[1:]]) == 0
    own = tmp_path / "own"
    for stage in ("split", "build"):
        assert cli.main([stage, str(own)]) == 0
    assert [line["kind"] for line in written(own)] == ["own"] * 6
    assert taken(own, []) == 0
    (tmp_path / "docs" / "new.md").write_text("# New\n\nThe port of pump New is 12.\n")
    assert cli.main(["read", "--run", str(own)]) == 0
    assert cli.main(["run", "--run", str(own)]) == 0
    assert "nothing shows whether this helped" in capsys.readouterr().out
    assert rows(own, "prediction") == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "0123"}, "row 1: no question of this set"),
        ({"question": " "}, "row 1: expected"),
        ({"reference": 7}, "row 1: expected"),
        ({"values": "T-1"}, 'row 1: "values" must be a list'),
    ],
)
def test_a_row_that_is_wrong_is_named(
    run: Path, change: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = written(run)
    assert taken(run, [lines[0] | change, *lines[1:]]) == 2
    assert said in capsys.readouterr().err
    assert taken(run, [lines[0], lines[0]]) == 2
    assert "row 2: twice the same id" in capsys.readouterr().err
    assert len(rows(run, "lock")) == 1


def test_before_there_are_questions_it_says_how_to_make_them(
    words: Words,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["read", *words("run")[1:]]) == 0
    assert cli.main(["review", str(tmp_path / "run")]) == 2
    assert "`self-evolution build RUN` makes them" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("keep", ["false", None, "no", 0])
def test_keep_is_true_or_false(run: Path, keep: object, capsys: pytest.CaptureFixture[str]) -> None:
    lines = written(run)
    lines[3]["keep"] = keep
    assert taken(run, lines) == 2
    assert 'row 4: "keep" is ' in capsys.readouterr().err
    assert len(rows(run, "lock")) == 1


def test_the_same_file_again_is_told_apart_from_a_strange_one(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = written(run)
    lines[0]["question"] = "Which label?"
    assert taken(run, lines) == 0
    assert taken(run, lines) == 2
    assert "row 1: edited or struck out already; `self-evolution review" in capsys.readouterr().err
