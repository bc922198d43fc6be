"""Watching a run: what it does at this moment, in the terminal and in a pipe."""

from __future__ import annotations

import os
import pty
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from self_evolution import cli
from self_evolution.cli import watch
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.progress import Progress
from self_evolution.run import at_work as notes
from self_evolution.run.at_work import at_work, forget, read_at_work
from self_evolution.run.process import is_running, locked
from self_evolution.run.read import RunReader, read_run
from self_evolution.serving.progress import read_progress

Arguments = Callable[..., list[str]]


@pytest.fixture
def run(copied: Callable[..., Path]) -> Path:
    """A finished run of one generation."""
    return copied("--generations", "1")


@pytest.fixture
def stopped(run: Path) -> Path:
    """A run that was stopped before its last two stages."""
    with closing(sqlite3.connect(run / "run.db")) as database, database:
        query = "UPDATE stage SET done = 0 WHERE generation = 1 AND name IN ('evaluate', 'promote')"
        database.execute(query)
    return run


@pytest.fixture
def watched(stopped: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that watches it, with its output in a pipe."""
    command = [sys.executable, "-m", "self_evolution", "watch", str(stopped)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def line_with(process: subprocess.Popen[str], beginning: str) -> str:
    """The next line that begins so; the test ends with its time limit if there is none."""
    assert process.stdout is not None
    return next(line for line in process.stdout if line.startswith(beginning))


def test_a_run_is_watched_beside_the_process_that_writes_it(
    arguments: Arguments,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every stage is told once, in order, and the watching ends with the run."""
    monkeypatch.setattr(watch, "PAUSE", 0.02)
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "self_evolution", *arguments("run", "--generations", "1")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as writer:
        while writer.poll() is None:
            try:
                with read_run(folder):
                    break
            except UserError:  # it has not begun
                time.sleep(0.02)
        status = cli.main(["watch", str(folder)])
        output, _ = writer.communicate()
    assert (status, writer.returncode) == (0, 0), output.decode()
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("at work: ") for line in lines)
    assert "complete: 1 generation" in lines
    done = [line.partition(" is done")[0] for line in lines if " is done" in line]
    with read_run(folder) as reader:
        stages = read_progress(reader).stages
    assert sorted(done) == sorted(f"generation {one.generation}: {one.stage}" for one in stages)
    assert len([line for line in lines if line.startswith("training of generation 1: loss")]) == 1
    assert lines[-2].split()[:2] == ["1", "6"]  # the generation, and what it was trained on


def test_a_run_on_which_nobody_works_is_told_with_the_way_on(
    stopped: Path, watched: subprocess.Popen[str]
) -> None:
    told = line_with(watched, "stopped before the end of evaluate of generation 1")
    assert "no process is at work" in told
    assert f"`self-evolution run --run {shlex.quote(str(stopped))}`" in told
    with locked(stopped):
        assert line_with(watched, "at work: ") == "at work: evaluate of generation 1\n"
        with closing(Ledger(stopped / "run.db")) as ledger:
            progress = Progress(quiet=True)
            with (
                at_work(ledger, progress, 1, "evaluate"),
                progress.bar("gen 1 domain closed", "answers", 6, 2),
            ):
                told = line_with(watched, "at work: evaluate of generation 1 (")
    assert told == "at work: evaluate of generation 1 (domain closed), 2 of 6 answers\n"
    assert "no process is at work" in line_with(watched, "stopped before the end of evaluate")
    watched.send_signal(signal.SIGINT)
    assert watched.wait(30) == 130


def test_a_terminal_shows_one_picture(stopped: Path) -> None:
    """Two looks at least, then Ctrl-C; the cursor goes back to draw the picture anew."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "self_evolution", "watch", str(stopped)]
    sized = os.environ | {"COLUMNS": "100", "LINES": "30", "TERM": "xterm"}
    with subprocess.Popen(command, stdout=slave, stderr=slave, env=sized) as process:
        os.close(slave)
        drawn = b""
        while drawn.count(b"exact-match") < 2:
            drawn += os.read(master, 65536)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    os.close(master)
    shown = drawn.decode(errors="ignore")
    assert "\x1b[1A" in shown
    for text in ("then: promote", "loss 2.000 → 0.100", "kept: What is the rack of node Coral?"):
        assert text in shown, text


def test_what_is_at_work_is_noted_about_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(notes.time, "time", lambda: now[0])
    monkeypatch.setattr(notes.time, "monotonic", lambda: now[0])
    progress = Progress(quiet=True)
    with closing(Ledger(tmp_path / "run.db")) as ledger:
        assert read_at_work(ledger) is None
        with at_work(ledger, progress, 2, "train"):
            found = read_at_work(ledger)
            assert found == (2, "train", 1000.0, None, 0.0, "") and found.seconds_left is None
            now[0] = 1010.0
            with progress.bar("gen 2 train", "steps", total=10, done=2) as bar:
                found = read_at_work(ledger)
                assert found and found.counted == ("gen 2 train", "steps", 2, 2, 10)
                assert found.seconds_left is None  # no pace yet
                now[0] += 0.5
                bar.advance(1)  # too soon after the last note
                assert read_at_work(ledger) == found
                now[0] += 1.5
                progress.note = "loss 0.500"
                bar.advance(1)
                found = read_at_work(ledger)
                assert found and found.counted and found.counted.done == 4
                assert found.seconds_left == 6.0  # 2 in 2 s, 6 are left
                assert found.note == "loss 0.500"
        with progress.bar("other work", "files", 1, 0) as bar:
            bar.advance(1)
        assert read_at_work(ledger) == found
        forget(ledger)
        assert read_at_work(ledger) is None


def test_the_facts_are_those_of_the_ledger(stopped: Path) -> None:
    """A note of the past, or of a stage that is done, says nothing of now."""
    with closing(Ledger(stopped / "run.db")) as ledger:
        with at_work(ledger, Progress(quiet=True), 1, "evaluate"):
            pass
        pairs = {row["question"]: row for row in ledger.pairs.sample_rejected(1, 100)}
        pairs |= {row["question"]: row for row in ledger.pairs.sample_kept(1, 100)}
    with closing(RunReader(stopped)) as reader:
        progress = read_progress(reader)
        before = next(one for one in progress.stages if one.stage == "evaluate" and one.generation)
        assert (progress.running, progress.seconds) == (False, before.seconds)
        assert (progress.stage, progress.then, progress.to_go) == ("evaluate", ["promote"], 2)
        with locked(stopped):
            progress = read_progress(reader)
            assert progress.running and before.seconds < progress.seconds < before.seconds + 600
    assert len(progress.pairs) == 3
    for pair in progress.pairs:
        row = pairs[pair.question]
        assert (pair.answer, pair.reason) == (row["answer"], row["reason"] or "")
        assert pair.verdict == ("rejected" if row["reason"] else "kept")


def test_looking_whether_somebody_works_disturbs_nobody(run: Path) -> None:
    """Taking the lock is tried again, so that it does not fail because someone looks."""
    looks = "import sys, pathlib; from self_evolution.run.process import is_running as look\n"
    looks += "print('go', flush=True)\nwhile True: look(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", looks, str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"go\n"
        for _ in range(200):
            with locked(run):
                assert is_running(run)
        process.kill()
    assert not is_running(run)
    with locked(run), pytest.raises(UserError, match="another process"), locked(run):
        pass
