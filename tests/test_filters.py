"""score, select and metrics on JSONL files, as anyone may put them into a pipe of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import SHARED

from self_evolution import cli


def _write(path: Path, rows: list[dict[str, object]]) -> str:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    return str(path)


def _read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_score_writes_the_same_lines_with_the_ifd(tmp_path: Path, script: Path) -> None:
    pairs: list[dict[str, object]] = [
        {"question": "Which port has Alpha?", "answer": "Alpha has port 4711", "mine": 7},
        {"question": "And Beta?", "answer": ""},
        {"question": "端口？", "answer": "四"},
    ]
    source, out = _write(tmp_path / "pairs.jsonl", pairs), tmp_path / "scored.jsonl"
    words = ["--model.engine", "scripted", "--model", str(script), "-o", str(out)]
    assert cli.main(["score", source, *words]) == 0
    scored = _read(out)
    assert [{key: row[key] for key in pair} for row, pair in zip(scored, pairs, strict=True)] == (
        pairs
    )
    # The scripted engine: a word that the prompt has costs 0.5 nats, any other 2.
    assert scored[0]["nll_given_question"] == pytest.approx((0.5 * 3 + 2) / 4)
    assert scored[0]["nll_alone"] == 2.0
    assert scored[0]["ifd"] == pytest.approx(0.875 / 2)
    assert scored[0]["answer_tokens"] == 4
    assert scored[1]["ifd"] is None and scored[1]["outcome"] == "empty_answer"
    assert scored[2]["ifd"] == 1.0 and scored[2]["outcome"] == "one_token"


def test_select_writes_the_chosen_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, object]] = [{"ifd": ifd, "n": n} for n, ifd in enumerate((0.3, 0.9, 0.5))]
    source = _write(tmp_path / "scored.jsonl", [*rows, {"ifd": None, "n": 3}])
    assert cli.main(["select", source, "--strategy", "hard", "--k", "2"]) == 0
    shown = capsys.readouterr()
    assert [json.loads(line)["n"] for line in shown.out.splitlines()] == [1, 2]
    assert "1 of 4 lines have no IFD" in shown.err
    out = tmp_path / "out.jsonl"
    assert cli.main(["select", source, "--strategy", "easy", "--k", "9", "-o", str(out)]) == 0
    assert "k is 9; all 3 are taken" in capsys.readouterr().err
    assert sorted(str(row["n"]) for row in _read(out)) == ["0", "1", "2"]


def test_metrics_prints_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, object]] = [
        {"prediction": "The port is 4711.", "reference": "The port is 4711."},
        {"prediction": "The port is 12.", "reference": "The port is 4711."},
    ]
    assert cli.main(["metrics", _write(tmp_path / "p.jsonl", rows)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == 2
    assert found["metrics"]["exact-match"]["mean"] == 50.0
    for entry in found["metrics"].values():
        assert entry["low"] <= entry["mean"] <= entry["high"]
        assert entry["signature"].count("|") >= 1


@pytest.mark.skipif(not SHARED.is_dir(), reason="the published values (../shared) are not here")
def test_metrics_filter_gives_the_published_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (SHARED / "vectors" / "metrics.json").read_text(encoding="utf-8")
    pairs = json.loads(text)["pairs"]
    assert cli.main(["metrics", _write(tmp_path / "p.jsonl", pairs)]) == 0
    found = json.loads(capsys.readouterr().out)["metrics"]
    for name in ("bleu-4", "rouge-1", "rouge-2", "rouge-l"):
        published = sum(pair[name] for pair in pairs) / len(pairs)
        assert found[name]["mean"] == pytest.approx(published, abs=1e-4)
