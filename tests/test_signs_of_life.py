"""A real process in the midst of endless work: it says what it does, and ends when it is asked."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import tiny

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
ENDLESS = 1 << 17
WORDS = [
    *("--train.rehearsal", "0", "--evaluate.build", "never", "--evaluate.abilities", "0"),
    *("--check.enabled", "false", "--model.device", "cpu", "--model.threads", "1"),
    *("--ask.per-fragment", "1", "--answer.max-tokens", "5", "--generations", "1"),
    *("--ask.temperature", "0"),  # the likeliest tokens come again and again, and never an end
]


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """A run on a model that hardly ever ends a reply, and has room for a very long one."""
    model = tiny.make(tiny.KINDS["llama3"], tmp_path / "model", max_position_embeddings=2 * ENDLESS)
    text = "# Pumps\n\nThe pump at North Station stops when alarm 4711 is raised, every time.\n"
    (tmp_path / "pumps.md").write_text(text, encoding="utf-8")
    words = [sys.executable, "-m", "self_evolution", "run", str(tmp_path / "pumps.md")]
    return [*words, "--model", str(model), "--run", str(tmp_path / "run"), *WORDS]


def interrupted(command: list[str], number: signal.Signals, sign: str, lines: int) -> str:
    """Send a signal after so many lines that match `sign`; returns all that was said."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert process.stderr is not None
    said: list[str] = []
    while sum(bool(re.search(sign, line)) for line in said) < lines:
        line = process.stderr.readline()
        assert line, "".join(said)
        said.append(line)
    process.send_signal(number)
    rest = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    return "".join(said) + rest


def count(run: Path, table: str) -> int:
    with closing(sqlite3.connect(run / "run.db")) as database:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_in_the_midst_of_a_batch(command: list[str], tmp_path: Path) -> None:
    """The tokens a second are told twice within one batch. Only this batch is lost."""
    endless = [*command, "--ask.max-tokens", str(ENDLESS)]
    said = interrupted(
        endless, signal.SIGINT, r"^gen 1 ask +0/1 fragments, .*[\d,]+ tokens/s$", lines=2
    )
    assert "stopping as soon as possible" in said and "Go on with: self-evolution run" in said
    assert count(tmp_path / "run", "fragment") == 1
    assert count(tmp_path / "run", "question") == 0


@pytest.mark.drill
def test_in_the_midst_of_training(command: list[str], tmp_path: Path) -> None:
    """What was trained so far is kept in a checkpoint, from which training goes on."""
    words = ["--ask.max-tokens", "5", "--train.rank", "2", "--train.checkpoint-steps", "0"]
    endless = [*command, *words, "--train.steps", "20000", "--train.batch-size", "1"]
    said = interrupted(endless, signal.SIGTERM, r"^gen 1 train +[\d,]+/20,000 steps", lines=1)
    assert re.search(r"train .* tokens/s, loss [\d.]+$", said, re.MULTILINE)
    (checkpoint,) = (tmp_path / "run" / "adapters" / "gen-1.partial").glob("checkpoint-*")
    done = int(checkpoint.name.rpartition("-")[2])
    assert done > 0 and (checkpoint / "trainer_state.json").is_file()
    again = interrupted(endless, signal.SIGINT, r"^gen 1 train +[\d,]+/20,000 steps", lines=1)
    (first,) = re.findall(r"^gen 1 train +([\d,]+)/20,000", again, re.MULTILINE)[:1]
    assert int(first.replace(",", "")) > done
