"""A run of thousands of fragments is killed (-9) again and again, and comes to the same rows."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import exported
from drills import KILLS

from benchmarks.growth import KEYS, write_documents, write_questions

pytestmark = [pytest.mark.drill, pytest.mark.timeout(6 * 3600)]

FRAGMENTS = int(os.environ.get("FRAGMENTS", "2000"))

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

RULES = {
    "rules": [
        {"pattern": r"Which pump", "reply": "Nobody knows."},
        {
            "pattern": r"The (\w+) of device (D\d+) is [^.]+\..*Ask one question",
            "reply": r"What is the \1 of device \2?",
        },
        {"pattern": r"Ask another question", "reply": "Which one is shown on page 3?"},
        {
            "pattern": r"The (\w+) of device (D\d+) is ([^.]+)\..*What is the",
            "reply": r"The \1 of device \2 is \3.",
        },
    ],
    "default": "Nobody knows.",
}
"""The first question about a fragment is good. The others point at a page: they are rejected."""

SETTINGS = f"""--model.engine scripted --domain.prompts embedded --generations 1
    --split.min-tokens 0 --ask.per-fragment {len(KEYS)} --check.grounding 0.5 --train.rehearsal 0
    --evaluate.abilities 0 --evaluate.resamples 50 --model.batch-size 64 --read.workers 1"""


def test_killed_at_random_moments_a_large_run_comes_to_the_same_rows(tmp_path: Path) -> None:
    write_documents(documents := tmp_path / "documents", FRAGMENTS)
    write_questions(questions := tmp_path / "questions.jsonl")
    (script := tmp_path / "script.json").write_text(json.dumps(RULES), encoding="utf-8")
    files = ["--model", str(script), "--eval", str(questions)]
    command = [sys.executable, "-m", "self_evolution", "run", str(documents), *files]

    def start(name: str) -> subprocess.Popen[bytes]:
        words = [*command, *SETTINGS.split(), "--run", str(tmp_path / name)]
        with (tmp_path / f"{name}.log").open("ab") as log:
            return subprocess.Popen(words, stdout=log, stderr=log, env=ENVIRONMENT)

    def seconds(name: str) -> float:
        began = time.monotonic()
        assert start(name).wait() == 0
        return time.monotonic() - began

    whole, complete = seconds("whole"), seconds("whole")
    expected = exported(tmp_path / "whole")
    assert expected["verdict.jsonl"].count(b"\n") == len(KEYS) * FRAGMENTS

    dice, kills, runs = random.Random(1), 0, 0
    while kills < KILLS:
        process = start(f"killed-{runs}")
        try:
            # Beyond the time that a process takes to begin, so that each of them adds something.
            process.wait(timeout=complete + dice.uniform(0, 2 / KILLS) * whole)
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        if process.wait() == 0:
            assert exported(tmp_path / f"killed-{runs}") == expected
            runs += 1
        else:
            assert process.returncode == -9, (tmp_path / f"killed-{runs}.log").read_text()[-3000:]
    assert start(f"killed-{runs}").wait() == 0
    assert exported(tmp_path / f"killed-{runs}") == expected
    print(f"{kills} kills in {runs + 1} runs of {FRAGMENTS:,} fragments; one takes {whole:.0f} s")
