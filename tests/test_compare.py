"""Runs held against each other: what is the same, what differs, and what cannot be compared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import exported
from hypothesis import given
from hypothesis import strategies as st

from self_evolution import cli
from self_evolution.evaluation.tasks import MAIN
from self_evolution.experiments.comparison import Scores, rows
from self_evolution.experiments.comparison.rows import difference

Arguments = Callable[..., list[str]]


def _compare(tmp_path: Path, *words: str) -> dict[str, object]:
    file = tmp_path / "compared.json"
    assert cli.main(["compare", *words, "-o", str(file)]) == 0
    found: dict[str, object] = json.loads(file.read_text())
    return found


@pytest.mark.slow
def test_equal_runs_show_no_difference(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        assert cli.main(arguments(name, "--generations", "1")) == 0
    before = exported(tmp_path / "one")
    capsys.readouterr()
    found = _compare(tmp_path, str(tmp_path / "one"), str(tmp_path / "two"))
    shown = capsys.readouterr().out
    assert "no difference shown" in shown and "higher" not in shown and "lower" not in shown
    first, second = found["runs"]  # type: ignore[misc]
    assert first["scores"] == second["scores"] and first["differences"] == []
    assert {row["mean"] for row in second["differences"]} == {0.0}
    assert {row["verdict"] for row in second["differences"]} == {"no difference shown"}
    assert {row["mode"] for row in second["differences"]} == {"closed", "retrieved", "open"}
    assert exported(tmp_path / "one") == before


@pytest.mark.slow
def test_a_sabotaged_run_is_lower(
    arguments: Arguments, tmp_path: Path, script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second model does not read: with the passage at hand it says the same to everything."""
    questions = tmp_path / "ports.jsonl"
    lines = [
        {
            "instruction": f"The port of server {i} is {1000 + i}.",
            "input": f"Name the port of {i}",
            "output": f"It is {1000 + i}.",
        }
        for i in range(12)
    ]
    questions.write_text("\n".join(map(json.dumps, lines)))
    table = json.loads(script.read_text())
    reads = {"pattern": r"The port of server (\d+) is (\d+)\..*Name", "reply": r"It is \2."}
    table["rules"].insert(0, reads)
    script.write_text(json.dumps(table))
    bad = tmp_path / "bad.json"
    table["rules"][0]["reply"] = "It is 9."
    bad.write_text(json.dumps(table))
    for name, model in (("good", script), ("bad", bad)):
        more = ("--generations", "1", "--model", str(model), "--eval", str(questions))
        assert cli.main(arguments(name, *more)) == 0
    capsys.readouterr()
    runs = [str(tmp_path / "good"), str(tmp_path / "bad")]
    found = _compare(tmp_path, *runs, "--generation", "last")
    second = found["runs"][1]  # type: ignore[index]
    gaps = {row["mode"]: row for row in second["differences"]}
    assert (gaps["open"]["mean"], gaps["open"]["verdict"]) == (-100.0, "lower")
    assert gaps["open"]["high"] < 0 and gaps["open"]["p"] < gaps["open"]["p_holm"] < 0.05
    assert gaps["closed"]["verdict"] == "no difference shown"
    assert "closed-book exact-match: no difference shown" in str(found["sentence"])
    assert "lower" in capsys.readouterr().out


@pytest.mark.slow
def test_other_test_sets_are_refused_and_named(
    arguments: Arguments, tmp_path: Path, questions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = questions.read_text().splitlines()
    other = tmp_path / "other.jsonl"
    changed = json.loads(lines[1]) | {"output": "It is blue.", "values": ["blue"]}
    other.write_text("\n".join([json.dumps(changed), *lines[2:]]))
    cli.main(arguments("one", "--generations", "1"))
    cli.main(arguments("two", "--generations", "1", "--eval", str(other)))
    capsys.readouterr()
    assert cli.main(["compare", str(tmp_path / "one"), str(tmp_path / "two")]) == 2
    error = capsys.readouterr().err
    assert "cannot be compared" in error
    missing = f"{tmp_path / 'two'} lacks 1 domain question: “Tell me the port of"
    assert missing in error
    assert "two has another reference for 1 domain question: “Tell me the colour" in error


@pytest.mark.slow
def test_the_order_of_questions_does_not_matter(
    arguments: Arguments, tmp_path: Path, questions: Path
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text("\n".join(reversed(questions.read_text().splitlines())))
    cli.main(arguments("one", "--generations", "1"))
    cli.main(arguments("two", "--generations", "1", "--eval", str(other)))
    found = _compare(tmp_path, str(tmp_path / "one"), str(tmp_path / "two"))
    second = found["runs"][1]  # type: ignore[index]
    assert {(row["mean"], row["n"]) for row in second["differences"]} == {(0.0, 6)}


@pytest.mark.slow
def test_what_is_not_there_is_refused(
    arguments: Arguments, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["read", *arguments("begun")[1:]])
    blind = arguments("blind", "--generations", "1")
    at = blind.index("--eval")
    cli.main(blind[:at] + blind[at + 2 :])
    cli.main(arguments("done", "--generations", "1"))
    done = str(tmp_path / "done")
    capsys.readouterr()
    for words, told in (
        ([done], "expected two or more"),
        ([done, str(tmp_path / "begun")], "not evaluated yet"),
        ([done, str(tmp_path / "blind")], "no evaluation set"),
        ([done, str(tmp_path / "none")], "no run here"),
        ([done, done, "--generation", "7"], "--generation 7: not evaluated in"),
        ([done, done, "--generation", "best"], "expected leader, last or a number"),
    ):
        assert cli.main(["compare", *words]) == 2
        assert told in capsys.readouterr().err


@given(st.lists(st.sampled_from([0.0, 100.0]), min_size=8, max_size=40))
def test_a_model_is_not_different_from_itself(scores: list[float]) -> None:
    one = Scores("exact-match", scores, [i // 2 for i in range(len(scores))], ())
    first, second = rows(["a", "b"], {MAIN: [one, one]}, seed=0)
    assert not first.above
    assert second.above[MAIN].direction == "no difference shown"
    assert second.scores == first.scores


def test_what_one_lucky_seed_shows_is_not_shown() -> None:
    """Over documents the difference is plain; but two of three seeds show nothing."""
    documents, seeds = list(range(60)) * 3, [s for s in range(3) for _ in range(60)]
    before = Scores("exact-match", [0.0] * 180, documents, seeds)
    lucky = [100.0] * 60 + [100.0 * (i < 2) for i in range(120)]
    change = difference(before, before._replace(scores=lucky), seed=0)
    assert change.mean > 30 and not change.shown and change.p > 0.05
    alone = difference(before, before._replace(scores=lucky, seeds=()), seed=0)
    assert not alone.shown or alone.p < change.p
    alike = before._replace(scores=[100.0 * (i % 60 < 30) for i in range(180)])
    assert difference(before, alike, seed=0) == difference(
        before._replace(seeds=()), alike._replace(seeds=()), seed=0
    )
    steady = [100.0 * (i % 60 < 30 + i // 60) for i in range(180)]
    assert difference(before, before._replace(scores=steady), seed=0).shown
