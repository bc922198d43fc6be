"""Bad input: a clear message, exit status 2, and whatever run there was intact."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest
from conftest import exported, rows

from self_evolution import cli, prompts
from self_evolution import miniature as embedded
from self_evolution.config.sections import StrategyName
from self_evolution.models.scripted import ScriptedEngine

STRATEGY_NAMES = get_args(StrategyName)

Arguments = Callable[..., list[str]]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must be refused; returns what it says, in one to three lines."""

    def run(words: list[str]) -> str:
        capsys.readouterr()
        try:
            status = cli.main(words)
        except SystemExit as stop:
            status = int(stop.code or 0)
        error = capsys.readouterr().err
        assert status == 2, error
        assert "Traceback" not in error
        return error

    return run


def _replaced(words: list[str], flag: str, value: str) -> list[str]:
    at = words.index(flag)
    return [*words[: at + 1], value, *words[at + 2 :]]


def test_a_path_that_is_not_there_is_refused(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path
) -> None:
    words = arguments("run")
    words[1] = str(tmp_path / "nowhere")
    assert "nowhere: no such file or folder" in refused(words)
    assert not (tmp_path / "run").exists()


def test_a_folder_without_documents_is_refused(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    words = arguments("run")
    words[1] = str(tmp_path / "empty")
    assert "no readable document in this folder; readable: .pdf, .docx" in refused(words)
    assert not (tmp_path / "run").exists()


def test_a_run_without_documents_or_model_is_refused(
    refused: Callable[..., str], documents: Path
) -> None:
    assert "no documents given" in refused(["run", "--model", "x"])
    assert "no model given: --model FOLDER" in refused(["run", str(documents)])


def test_a_file_in_another_encoding_is_read_and_one_that_is_no_text_named(
    arguments: Arguments, documents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (documents / "old.txt").write_bytes("Die Größe der Pumpe Golf ist 12.".encode("latin-1"))
    (documents / "noise.txt").write_bytes(bytes(range(256)) * 4)
    assert cli.main(arguments("run")) == 0
    assert "1 of 5 documents could not be read" in (error := capsys.readouterr().err)
    assert "noise.txt: " in error


def test_documents_that_all_cannot_be_read_are_refused(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path
) -> None:
    (tmp_path / "old.txt").write_bytes(b"\x00\x01\x02" * 40)
    words = arguments("run")
    words[1] = str(tmp_path / "old.txt")
    assert "none of these documents has text" in (error := refused(words))
    assert "old.txt: " in error


def test_json_that_is_cut_off_is_refused(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path
) -> None:
    path = tmp_path / "cut.json"
    path.write_text('[{"instruction": "one"}, {"instruc')
    words = arguments("run")
    words[1] = str(path)
    assert "JSON cut off at line 1" in refused(words)
    assert "broken JSON" in refused(_replaced(arguments("other"), "--eval", str(path)))
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"input": "?"}', "row 1: output is missing; expected"),
        ('{"input": "", "output": "x"}', "row 1: input is empty"),
        ('{"input": "?", "output": "x", "values": "y"}', '"values" must be a list'),
        ("[1]", "row 1: it is a number; expected"),
        ("{", "line 1: not JSON"),
        ("", "no test question in it"),
    ],
)
def test_a_broken_evaluation_set_is_refused_before_a_run_is_made(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path, row: str, said: str
) -> None:
    (tmp_path / "bad.jsonl").write_text(row)
    assert said in refused(_replaced(arguments("run"), "--eval", str(tmp_path / "bad.jsonl")))
    assert not (tmp_path / "run").exists()


def test_a_folder_that_holds_no_model_is_refused(
    refused: Callable[..., str], documents: Path, tmp_path: Path
) -> None:
    base = ["run", str(documents), "--run", str(tmp_path / "run"), "--model"]
    assert "no such folder" in refused([*base, str(tmp_path / "nowhere")])
    (tmp_path / "model").mkdir()
    assert "has no config.json" in refused([*base, str(tmp_path / "model")])
    for missing, said in (
        ("tokenizer.json", "has no tokenizer"),
        ("chat_template.jinja", "this model has no chat template (is it a base model?)"),
    ):
        folder = tmp_path / f"without {missing}"
        shutil.copytree(embedded.MODEL, folder)
        (folder / missing).unlink()
        assert said in refused([*base, str(folder)])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--select.k", "-1"], "--select.k '-1': expected greater than or equal to 0"),
        (["--select.k", "many"], "--select.k 'many': expected a valid integer"),
        (
            ["--select.strategy", "best"],
            f"expected {', '.join(map(repr, STRATEGY_NAMES[:-1]))} or {STRATEGY_NAMES[-1]!r}",
        ),
        (["--train.learning-rate", "nan"], "--train.learning-rate"),
        (["--select.kk", "1"], "unknown --select.kk; did you mean `--select.k`?"),
        (["--learning-rate", "1"], "did you mean `--train.learning-rate`?"),
        (
            ["--recipe", "papper"],
            "shipped: default, demo, embedded, paper",
        ),
        (
            ["--promote.metric", "bleu"],
            "--promote.metric 'bleu': expected 'exact-match', 'token-f1'",
        ),
        (
            [
                "--train.rehearsal",
                "0.5",
                *(f"--rehearse.{one}=0" for one in ("topics", "template", "fragments")),
            ],
            "give --train.rehearsal-file",
        ),
        (["--domain.prompts", "xx"], "no such profile or readable file; shipped: embedded, en"),
    ],
)
def test_a_setting_that_is_wrong_is_named_with_what_was_expected(
    refused: Callable[..., str],
    arguments: Arguments,
    tmp_path: Path,
    words: list[str],
    said: str,
) -> None:
    assert said in refused(arguments("run", *words))
    assert not (tmp_path / "run").exists()


def test_an_unknown_setting_in_a_recipe_file_is_refused(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path
) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("train: {learning_rte: 0.1}")
    error = refused(arguments("run", "--recipe", str(recipe)))
    assert "unknown setting `train.learning_rte`; did you mean `train.learning_rate`?" in error
    recipe.write_text("train: [")
    assert "not valid YAML" in refused(arguments("run", "--recipe", str(recipe)))


def test_an_unknown_command_is_refused_with_the_nearest_one(refused: Callable[..., str]) -> None:
    assert "unknown command `rn`; did you mean `run`?" in refused(["rn"])


def test_a_folder_that_is_no_run_is_refused_and_left_as_it_is(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    assert "not a run, and not empty" in refused(arguments("run"))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]
    for name, write in (("text", _text_database), ("other", _other_database)):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "run.db")
        assert "not a ledger of Self-Evolution" in refused(arguments(name))
    assert "no run here" in refused(["status", str(tmp_path / "nowhere")])


def _text_database(path: Path) -> None:
    path.write_text("this is no database at all, but long enough to be taken for one" * 10)


def _other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE accounts (id)")


@pytest.mark.slow
def test_a_run_that_another_process_works_on_is_refused(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path
) -> None:
    assert cli.main(arguments("run")) == 0
    handle = os.open(tmp_path / "run", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)  # what another process would hold
    assert "another process is at work on this run" in refused(arguments("run"))
    os.close(handle)
    assert cli.main(arguments("run")) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seed", "7"], "seed cannot change within a run"),
        (["--split.max-tokens", "7"], "split.max_tokens cannot change within a run"),
        (["--train.epochs", "7"], "--accept-change applies them from the next batch on"),
        (["--recipe", "paper"], "this run began with other settings: "),
    ],
)
def test_changed_settings_are_refused(
    refused: Callable[..., str],
    arguments: Arguments,
    tmp_path: Path,
    words: list[str],
    said: str,
) -> None:
    cli.main(arguments("run"))
    before = exported(tmp_path / "run")
    assert said in refused(arguments("run", *words))
    assert exported(tmp_path / "run") == before


@pytest.mark.slow
def test_changed_settings_are_taken_where_sound(arguments: Arguments, tmp_path: Path) -> None:
    cli.main(arguments("run", "--generations", "1"))
    run = str(tmp_path / "run")
    assert cli.main(["run", "--run", run, "--train.epochs", "7", "--generations", "2"]) == 2
    accept = ["--train.epochs", "7", "--generations", "2", "--accept-change"]
    assert cli.main(["run", "--run", run, *accept]) == 0
    assert "epochs: 7" in (tmp_path / "run" / "recipe.yaml").read_text()
    assert cli.main(["run", "--run", run, "--accept-change", "--seed", "3"]) == 2


def test_another_model_is_refused(
    refused: Callable[..., str], arguments: Arguments, script: Path
) -> None:
    cli.main(arguments("run"))
    script.write_text(json.dumps({"rules": [], "default": "another"}))
    assert "is not the one this run began with" in refused(arguments("run"))


@pytest.mark.slow
def test_other_documents_are_refused_and_more_are_taken_when_accepted(
    refused: Callable[..., str], arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    cli.main(arguments("run", "--generations", "1"))
    before = exported(tmp_path / "run")
    (documents / "d.md").write_text("# Valve\n\nThe size of valve Golf is 12. It is round.\n")
    words = arguments("run", "--generations", "2")
    error = refused(words)
    assert "documents are not what this run has read: 1 new (" in error and "d.md" in error
    assert exported(tmp_path / "run") == before
    assert cli.main([*words, "--accept-change"]) == 0
    after = exported(tmp_path / "run")
    assert b"valve Golf" in after["question.jsonl"]
    assert all(line in after["question.jsonl"] for line in before["question.jsonl"].splitlines())
    (documents / "a.md").write_text("# Changed\n\nThis is all new text, all of it.\n")
    assert "1 changed (" in refused(words)
    assert cli.main(["run", "--run", str(tmp_path / "run")]) == 0  # the ledger has all it needs


@pytest.mark.slow
def test_a_full_disk_loses_nothing(
    refused: Callable[..., str], arguments: Arguments, small_disk: Path, tmp_path: Path
) -> None:
    words = _replaced(arguments("run"), "--run", str(small_disk / "run"))
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(100_000))
    error = refused(words)
    assert "full" in error or "No space" in error or "disk I/O" in error
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    assert cli.main(words) == 0
    cli.main(arguments("whole"))
    assert exported(small_disk / "run") == exported(tmp_path / "whole")


def test_a_filter_names_the_line_that_is_wrong(refused: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"ifd": 0.5}\n{"idf": 0.5}\n')
    assert 'row 2: expected "ifd" in an object' in refused(["select", str(path)])
    path.write_text('{"prediction": "a", "reference": "b"}\n{"prediction": "a"}\n')
    assert "line 2" in refused(["metrics", str(path)])
    path.write_text("")
    assert "the file is empty" in refused(["score", str(path), "--model", "embedded"])
    assert "No such file" in refused(["metrics", str(tmp_path / "none.jsonl")])


def test_a_changed_side_file_is_refused(
    refused: Callable[..., str], arguments: Arguments, questions: Path, tmp_path: Path
) -> None:
    profile = tmp_path / "mine.yaml"
    text = (prompts.FOLDER / "embedded.yaml").read_text(encoding="utf-8")
    profile.write_text(text, encoding="utf-8")
    words = arguments("run", "--domain.prompts", str(profile))
    assert cli.main(words) == 0
    kept = questions.read_text()
    questions.write_text(kept.splitlines()[0])
    assert "not what it was when this run began" in (error := refused(words))
    assert "questions.jsonl (evaluate.file)" in error and "put the old one back" in error
    questions.write_text(kept)
    profile.write_text(text.replace("Ask another", "Ask a further"), encoding="utf-8")
    assert "--accept-change applies it from the next batch on" in refused(words)
    assert cli.main([*words, "--accept-change"]) == 0
    assert cli.main(words) == 0


def test_a_misspelt_file_is_found_before_a_run_is_made(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path
) -> None:
    for flag in ("--score.template", "--model.chat-template", "--evaluate.retention-file"):
        assert f"{flag} nope.json: no such file" in refused(arguments("run", flag, "nope.json"))
    (tmp_path / "bad.json").write_text('{"alone": "x"}')
    bad = str(tmp_path / "bad.json")
    assert "expected a JSON object with" in refused(arguments("run", "--score.template", bad))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_model_settings_may_be_mended_while_nothing_was_made_with_them(
    arguments: Arguments, tmp_path: Path
) -> None:
    wrong = arguments("run", "--model.dtype", "float16", "--split.max-tokens", "3")
    assert cli.main(["read", *wrong[1:]]) == 0
    mended = arguments("run", "--model.dtype", "auto", "--split.max-tokens", "512")
    assert cli.main(mended) == 0
    assert "max_tokens: 512" in (tmp_path / "run" / "recipe.yaml").read_text()


def test_fewer_generations_than_a_run_has_are_refused(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path
) -> None:
    assert cli.main(arguments("run")) == 0
    words = ["run", "--run", str(tmp_path / "run"), "--generations", "1"]
    assert "--generations 1: this run has 2 already" in refused(words)


@pytest.mark.slow
def test_new_documents_of_a_complete_run_need_a_further_generation(
    refused: Callable[..., str], arguments: Arguments, documents: Path
) -> None:
    assert cli.main(arguments("run")) == 0
    (documents / "d.md").write_text("# Valve\n\nThe size of valve Golf is 12. It is round.\n")
    error = refused(arguments("run", "--accept-change"))
    assert "complete with 2 generations; give --generations too" in error


@pytest.mark.slow
def test_a_run_goes_on_from_another_directory(
    arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [word.replace(f"{tmp_path}/", "") for word in arguments("run", "--generations", "1")]
    assert cli.main(words) == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert cli.main(["run", "--run", "../run", "--generations", "2"]) == 0


def test_answers_without_values_are_judged_by_another_metric(
    arguments: Arguments,
    questions: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    questions.write_text('{"input": "Who is on call?", "output": "the night team"}')
    assert cli.main(arguments("run")) == 0
    shown = capsys.readouterr()
    assert "no evaluation set" not in shown.out + shown.err
    assert "token-f1" in shown.out
    promotions = rows(tmp_path / "run", "promotion")
    assert [row["promoted"] for row in promotions] == [True, False, False]


def test_a_passage_that_does_not_fit_the_window_is_left_out_and_counted(
    arguments: Arguments, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ScriptedEngine, "window", 384 + 16)
    assert cli.main(arguments("run")) == 0
    assert "which do not fit the model's window" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_found_before_the_scoring(
    refused: Callable[..., str], script: Path, tmp_path: Path
) -> None:
    (tmp_path / "pairs.jsonl").write_text('{"question": "?", "answer": "a b"}')
    words = ["score", str(tmp_path / "pairs.jsonl"), "--model.engine", "scripted"]
    words += ["--model", str(script), "-o", str(tmp_path / "none" / "out.jsonl")]
    error = refused(words)
    assert "No such file or directory" in error and "pairs" not in error.split("--output")[0]
