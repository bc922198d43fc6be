"""Bad input: a clear message, exit status 2, and whatever run there was intact."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import exported

from self_evolution import cli, embedded

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


def test_missing_path(refused: Callable[..., str], arguments: Arguments, tmp_path: Path) -> None:
    words = arguments("run")
    words[1] = str(tmp_path / "nowhere")
    assert "nowhere: no such file or folder" in refused(words)
    assert not (tmp_path / "run").exists()


def test_empty_folder(refused: Callable[..., str], arguments: Arguments, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    words = arguments("run")
    words[1] = str(tmp_path / "empty")
    assert "no readable document in this folder; readable: .md" in refused(words)
    assert not (tmp_path / "run").exists()


def test_no_documents_and_no_model(refused: Callable[..., str], documents: Path) -> None:
    assert "no documents given" in refused(["run", "--model", "x"])
    assert "no model given: --model FOLDER" in refused(["run", str(documents)])


def test_a_file_that_is_not_utf8_is_named_and_the_others_are_read(
    arguments: Arguments, documents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (documents / "old.txt").write_bytes("Die Größe".encode("latin-1"))
    assert cli.main(arguments("run")) == 0
    assert "1 of 4 files could not be read" in (error := capsys.readouterr().err)
    assert "old.txt: not UTF-8 (byte 6); convert it" in error


def test_only_unreadable_files(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path
) -> None:
    (tmp_path / "old.txt").write_bytes(b"\xff\xfe\x00")
    words = arguments("run")
    words[1] = str(tmp_path / "old.txt")
    assert "no text in these documents" in (error := refused(words))
    assert "not UTF-8" in error


def test_json_cut_off(refused: Callable[..., str], arguments: Arguments, tmp_path: Path) -> None:
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
        ('{"input": "?"}', "item 1: expected"),
        ('{"input": "", "output": "x"}', "item 1: expected"),
        ('{"input": "?", "output": "x", "values": "y"}', '"values" must be a list'),
        ("[1]", "item 1: expected"),
        ("{", "line 1: not JSON"),
        ("", "no evaluation question in it"),
    ],
)
def test_bad_evaluation_set(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path, row: str, said: str
) -> None:
    (tmp_path / "bad.jsonl").write_text(row)
    assert said in refused(_replaced(arguments("run"), "--eval", str(tmp_path / "bad.jsonl")))
    assert not (tmp_path / "run").exists()


def test_model_folders_that_are_none(
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
        (["--select.k", "-1"], "select.k = '-1'; expected greater than or equal to 0"),
        (["--select.k", "many"], "select.k = 'many'; expected a valid integer"),
        (["--select.strategy", "best"], "expected 'hard', 'easy', 'even', 'random', 'all' or"),
        (["--train.learning-rate", "nan"], "train.learning_rate"),
        (["--select.kk", "1"], "unknown --select.kk; did you mean `--select.k`?"),
        (["--learning-rate", "1"], "did you mean `--train.learning-rate`?"),
        (["--recipe", "papper"], "no such recipe or readable file; shipped: default, embedded"),
        (
            ["--promote.metric", "bleu"],
            "promote.metric = 'bleu'; expected 'exact-match', 'token-f1'",
        ),
        (["--train.rehearsal", "0.5"], "give --train.rehearsal-file"),
        (["--domain.prompts", "xx"], "no such profile or readable file; shipped: embedded, en"),
    ],
)
def test_bad_settings(
    refused: Callable[..., str],
    arguments: Arguments,
    tmp_path: Path,
    words: list[str],
    said: str,
) -> None:
    assert said in refused(arguments("run", *words))
    assert not (tmp_path / "run").exists()


def test_unknown_key_in_a_recipe_file(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path
) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("train: {learning_rte: 0.1}")
    error = refused(arguments("run", "--recipe", str(recipe)))
    assert "unknown setting `train.learning_rte`; did you mean `train.learning_rate`?" in error
    recipe.write_text("train: [")
    assert "not valid YAML" in refused(arguments("run", "--recipe", str(recipe)))


def test_unknown_command(refused: Callable[..., str]) -> None:
    assert "unknown command `rn`; did you mean `run`?" in refused(["rn"])


def test_a_folder_that_is_not_ours(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    assert "not a run of ours, and not empty" in refused(arguments("run"))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.txt"]
    for name, write in (("text", _text_database), ("other", _other_database)):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "run.db")
        assert "not a ledger of Self-Evolution" in refused(arguments(name))
    assert "no run here" in refused(["status", str(tmp_path / "nowhere")])


def _text_database(path: Path) -> None:
    path.write_text("this is no database at all, but long enough to be taken for one" * 10)


def _other_database(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE accounts (id)")


def test_two_processes_on_one_run(
    refused: Callable[..., str], arguments: Arguments, tmp_path: Path
) -> None:
    assert cli.main(arguments("run")) == 0
    handle = os.open(tmp_path / "run", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)  # what another process would hold
    assert "another process is at work on this run" in refused(arguments("run"))
    os.close(handle)
    assert cli.main(arguments("run")) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seed", "7"], "seed cannot change within a run"),
        (["--split.max-tokens", "7"], "split.max_tokens cannot change within a run"),
        (["--train.epochs", "7"], "--accept-change takes them from the next batch on"),
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


def test_other_documents_are_refused_and_more_are_taken_when_accepted(
    refused: Callable[..., str], arguments: Arguments, documents: Path, tmp_path: Path
) -> None:
    cli.main(arguments("run", "--generations", "1"))
    before = exported(tmp_path / "run")
    (documents / "d.md").write_text("# Valve\n\nThe size of valve Golf is 12. It is round.\n")
    words = arguments("run", "--generations", "2")
    error = refused(words)
    assert "documents that this run does not know" in error and "d.md" in error
    assert exported(tmp_path / "run") == before
    assert cli.main([*words, "--accept-change"]) == 0
    after = exported(tmp_path / "run")
    assert b"valve Golf" in after["question.jsonl"]
    assert all(line in after["question.jsonl"] for line in before["question.jsonl"].splitlines())
    (documents / "a.md").write_text("# Changed\n\nThis is all new text, all of it.\n")
    assert "documents of this run are changed or missing" in refused(words)
    assert cli.main(["run", "--run", str(tmp_path / "run")]) == 0  # the ledger has all it needs


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB; needs the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small file system cannot be mounted here: {error}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True, capture_output=True)


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


def test_filters_name_the_line(refused: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"ifd": 0.5}\n{"idf": 0.5}\n')
    assert 'row 2: expected "ifd" in an object' in refused(["select", str(path)])
    path.write_text('{"prediction": "a", "reference": "b"}\n{"prediction": "a"}\n')
    assert "line 2" in refused(["metrics", str(path)])
    path.write_text("")
    assert "no line in it" in refused(["score", str(path), "--model", "embedded"])
    assert "No such file" in refused(["metrics", str(tmp_path / "none.jsonl")])
