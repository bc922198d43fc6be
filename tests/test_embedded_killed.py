"""The miniature is killed in real processes, and goes on to the same rows."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import exported

from self_evolution import cli

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# A run small enough to be made several times: one generation of six sections, every batch small.
SMALL = [
    word
    for words in (
        "--limit 6 --generations 1 --ask.per-fragment 2 --evaluate.limit 8 --model.batch-size 4",
        "--train.steps 9 --train.batch-size 4 --train.micro-batch 4 --train.checkpoint-steps 2",
        "--rehearse.topics 24 --rehearse.fragments 6",
    )
    for word in words.split()
]


@pytest.mark.drill
def test_killed_at_any_moment_the_miniature_goes_on_the_same(tmp_path: Path) -> None:
    """A real process, really killed, wherever it happens to be; the export is equal to the byte."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    command = [sys.executable, "-m", "self_evolution", "run", "--recipe", "embedded", *SMALL]
    start = time.monotonic()
    subprocess.run(
        [*command, "--run", str(whole)], check=True, capture_output=True, env=ENVIRONMENT
    )
    seconds = time.monotonic() - start
    dice = random.Random(1)
    kills = 0
    for _ in range(4):
        process = subprocess.Popen(
            [*command, "--run", str(killed)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=ENVIRONMENT,
        )
        try:
            process.wait(timeout=seconds * dice.uniform(0.5, 0.95))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    subprocess.run(
        [*command, "--run", str(killed)], check=True, capture_output=True, env=ENVIRONMENT
    )
    assert kills >= 1
    assert exported(killed) == exported(whole)


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.drill)])
def test_killed_inside_training_it_goes_on_from_the_checkpoint(tmp_path: Path, step: int) -> None:
    """Killed right after step `step`, of which every second one leaves a checkpoint."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    command = ["run", "--recipe", "embedded", *SMALL]
    code = (
        "import os, signal, sys\n"
        "from self_evolution import cli\n"
        "from self_evolution.stages import train\n"
        "def on_step(self, done, total):\n"
        f"    if done == {step}:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "train._Steps.on_step = on_step\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    assert cli.main([*command, "--run", str(whole)]) == 0
    done = subprocess.run(
        [sys.executable, "-c", code, *command, "--run", str(killed)],
        check=False,
        capture_output=True,
        env=ENVIRONMENT,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    partial = killed / "adapters" / "gen-1.partial"
    assert bool(list(partial.glob("checkpoint-*"))) is (step > 2)
    assert cli.main([*command, "--run", str(killed)]) == 0
    assert not partial.exists()
    assert exported(killed) == exported(whole)
