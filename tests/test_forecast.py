"""The forecast: what a probe of a few fragments shows is told, and a run that cannot work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import fake_vllm
import pytest
import tiny
from conftest import FACTS
from endpoint import serving
from test_teacher import NONSENSE, teaches

from self_evolution import cli
from self_evolution.config import Config
from self_evolution.evaluation.choice import smaller_part
from self_evolution.evaluation.statistics.power import detectable
from self_evolution.forecast import probe, storage
from self_evolution.forecast.sample import interval
from self_evolution.models.scripted import ScriptedEngine
from self_evolution.models.training.job import Trained, TrainingJob

Plan = Callable[..., tuple[int, str]]


@pytest.fixture
def plan(
    arguments: Callable[..., list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Plan:
    """Run the command; its status, and what it prints. Its rounds have 3 and 6 fragments,
    however busy the machine is."""
    monkeypatch.setattr(probe, "FRAGMENTS", 8)
    monkeypatch.setattr(probe, "FREE", 1e6)
    monkeypatch.setattr(probe, "MOST", 1e6)

    def run(*more: str) -> tuple[int, str]:
        words = arguments("run", *more)
        place = words.index("--run")
        status = cli.main(["plan", *words[1:place], *words[place + 2 :]])
        assert not (tmp_path / "run").exists()  # nothing is kept
        return status, capsys.readouterr().out

    return run


@pytest.fixture
def many(documents: Path) -> Path:
    """Thirty more documents, with a fact each."""
    for i in range(30):
        text = (
            f"# Pump Number{i}\n\nThe limit of queue Number{i} is {500 + i}. It is checked daily.\n"
        )
        (documents / f"pump{i}.md").write_text(text, encoding="utf-8")
    return documents


def test_what_a_run_will_have_is_told(plan: Plan, many: Path) -> None:
    """Of the two questions that the script asks, one is valid. The first round asks only that.
    A fragment is asked about three times."""
    status, told = plan("--evaluate.build", "never")
    lines = told.splitlines()
    assert lines[0].split() == ["stage", "times", "tokens", "time", "from", "to", "memory"]
    stages = [line.split()[:2] for line in lines[1:9]]
    assert stages == [
        ["build", "1"],
        ["ask", "2"],
        ["answer", "2"],
        ["check", "2"],
        ["score", "2"],
        ["train", "2"],
        ["evaluate", "3"],
        ["promote", "2"],
    ]
    assert lines[9].startswith("all ") and lines[10].startswith("about 0 s (0 s to ")
    assert lines[12] == "36 fragments to ask about; 9 of them were probed"
    low, high = interval(27, 45)
    expected = f"{round(72 * low)} to {round(72 * high)} of 72"
    assert lines[13] == f"pairs: 27 of 45 valid; a generation would have {expected}"
    # The six questions of the user are all that decides.
    assert lines[14] == "smallest gain that 6 test questions can show: 83 points"
    assert lines[15] == "not valid: 18 off topic"
    assert lines[16].startswith("the probe took ")
    assert status == 1
    assert lines[17].startswith("no: some 6 test questions can show no likely gain; give test")
    assert len(lines) == 18

    rows = [
        {
            "instruction": "",
            "input": f"Tell me the limit of queue Number{i}?",
            "output": f"{500 + i}",
        }
        for i in range(30)
    ]
    more = many.parent / "thirty.jsonl"
    more.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    status, told = plan("--eval", str(more))
    assert status == 0 and told.splitlines()[-1] == "nothing is in the way of this run"
    points = round(detectable(30, 30))
    assert f"smallest gain that 30 test questions can show: {points} points" in told


def test_the_power_is_that_of_the_smaller_part_of_the_questions(plan: Plan, many: Path) -> None:
    rows = [
        {
            "instruction": f"Pump {i}",
            "input": f"Tell me limit {k} of queue Number{i}?",
            "output": f"{500 + i}",
        }
        for i in range(30)
        for k in range(8)
    ]
    more = many.parent / "parts.jsonl"
    more.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for choice, questions in (("0.5", 120), ("0", 240)):
        _, told = plan("--eval", str(more), "--evaluate.choice", choice)
        assert f"gain that {questions} test questions can show" in told


@pytest.mark.parametrize(
    ("questions", "documents", "expected"),
    [(300, 40, 150), (198, 40, 198), (300, 19, 300), (300, 20, 150)],
)
def test_how_many_built_questions_report(questions: int, documents: int, expected: int) -> None:
    assert smaller_part(Config(), questions, documents) == expected


def test_a_base_that_is_too_weak_is_told_so_and_the_way_out(
    plan: Plan, many: Path, script: Path
) -> None:
    script.write_text(json.dumps({"rules": [], "default": NONSENSE}), encoding="utf-8")
    status, told = plan("--evaluate.build", "always", "--domain.prompts", "en")
    assert status == 1
    assert "pairs: 0 of 45 valid" in told
    assert "test questions: 0 of 27 valid; a set would have 0 to " in told
    pairs, questions = [line for line in told.splitlines() if line.startswith("no: ")]
    assert pairs.startswith("no: only 0 of 45 pairs are valid, and at least 20% must be: this")
    assert "(--pairs FILE)" in pairs and "(--teacher)" in pairs and "larger model" in pairs
    assert (
        questions.startswith("no: only 0 of 27 test questions are valid") and "--eval" in questions
    )


def test_the_headings_of_a_fragment_may_name_what_is_asked_for(
    plan: Plan, many: Path, script: Path
) -> None:
    """As in the check of a run: only the heading says "Pump"."""
    for path in many.glob("*"):
        if not path.name.startswith("pump"):
            path.unlink()
    script.write_text(json.dumps({"rules": [], "default": "Which pump?"}), encoding="utf-8")
    _, told = plan("--evaluate.build", "never")
    assert "\npairs: " in told and "off topic" not in told


def test_a_teacher_is_a_way_out(plan: Plan, many: Path, script: Path) -> None:
    """It is asked in one round, so that no model is loaded twice."""
    script.write_text(json.dumps({"rules": [], "default": NONSENSE}), encoding="utf-8")
    for i in range(30):
        (many / f"pump{i}.md").unlink()
    with serving(teaches) as server:
        _, told = plan("--teacher", f"{server.url}#tiny", "--evaluate.build", "never")
    assert f"pairs: {3 * len(FACTS)} of {3 * len(FACTS)} valid" in told
    assert "pairs are valid, and" not in told


@pytest.mark.slow
def test_what_a_server_generates_is_not_timed(
    many: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never gets to see the adapter of the probe, and no plan is made by what is not known."""
    monkeypatch.setattr(probe, "FRAGMENTS", 2)
    monkeypatch.setattr(probe, "FREE", 0.0)
    with fake_vllm.serving(tiny.folder("llama3")) as server:
        words = ["plan", str(many), "--model", str(tiny.folder("llama3"))]
        words += ["--model.generator", server.url, "--ask.max-tokens", "8"]
        words += ["--answer.max-tokens", "8", "--evaluate.build", "never"]
        words += ["--evaluate.abilities", "0", "--train.rehearsal", "0"]
        assert cli.main([*words, "--hours", "1"]) == 2
        assert "how long the server of --model.generator takes" in capsys.readouterr().err
        assert not server.bodies
        cli.main(words)
        assert server.bodies and not server.calls
    told = capsys.readouterr().out
    assert "the time in which the server of --model.generator writes replies is not" in told
    assert "\ntrain " in told


def test_own_pairs_are_a_way_out(plan: Plan, script: Path, tmp_path: Path) -> None:
    script.write_text(json.dumps({"rules": [], "default": NONSENSE}), encoding="utf-8")
    own = tmp_path / "own.jsonl"
    own.write_text(json.dumps({"question": "Where is pump Echo?", "answer": "In hall 3."}))
    _, told = plan("--pairs", str(own), "--evaluate.build", "never")
    assert "pairs are valid, and" not in told
    _, told = plan("--pairs", str(own), "--evaluate.build", "never", "--ask.per-fragment", "0")
    assert "pairs:" not in told and "\nanswer " not in told


def test_own_pairs_are_trained_in_the_probe_of_a_run_that_asks_nothing(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = []
    train = ScriptedEngine.train

    def watched(self: ScriptedEngine, job: TrainingJob) -> Trained:
        jobs.append(job)
        return train(self, job)

    monkeypatch.setattr(ScriptedEngine, "train", watched)
    own = tmp_path / "own.jsonl"
    own.write_text(json.dumps({"question": "Where is pump Echo?", "answer": "In hall 3."}))
    for more in (), ("--ask.per-fragment", "0"):
        plan("--pairs", str(own), "--evaluate.build", "never", *more)
    taught = [{turns[-1]["content"] for turns in job.conversations} for job in jobs]
    assert "In hall 3." not in taught[0] and taught[1] == {"In hall 3."}


def test_documents_that_are_missing_or_empty_are_named(plan: Plan, documents: Path) -> None:
    for path in documents.iterdir():
        path.write_text("", encoding="utf-8")
    status, _ = plan()
    assert status == 2


def test_memory_and_disk_that_are_not_there_are_told(
    plan: Plan, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "free_in", lambda folder: 1000)
    _, told = plan()
    assert "no: about 1 MB of disk are needed, and 0 MB are free; free some space" in told


def test_the_sample_is_spread_over_the_lengths() -> None:
    tasks = [(f"{i:02}", (i * 7) % 40) for i in range(40)]
    lengths = dict(tasks)
    assert [lengths[id] for id in probe.spread(tasks, 8)] == [2, 7, 12, 17, 22, 27, 32, 37]
    assert probe.spread(tasks[:3], 8) == [
        id for id, _ in sorted(tasks[:3], key=lambda task: task[1])
    ]
    assert probe.spread([], 8) == []


def test_intervals_of_shares_are_those_of_wilson() -> None:
    """Known values: 0 of 10, 5 of 10, 10 of 10 (Newcombe 1998 gives the method's limits)."""
    assert interval(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert interval(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert interval(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
