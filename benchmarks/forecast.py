"""Compares the forecast of runs with the tokens and the CPU time that they took.

    python benchmarks/forecast.py [embedded telecom chat] [--data FOLDER] [--model FILE]

`embedded` is the recipe of that name; `telecom` lets the miniature ask and answer about passages in
Chinese (FOLDER/aiops_fragments.json), which are noise to it; `chat` is a chat model (FILE) on a few
sections of a manual (FOLDER/ganeti) with some pairs of its own. Each run is a process of its own,
which makes its forecast at its beginning. Prints JSON: for each run the ratios of forecast to taken
(1 is perfect) in all and by stage, the seconds of CPU time, and the probe's share of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from self_evolution.forecast.beside import beside
from self_evolution.run.read import read_run

PAIRS = 40
"""The first pairs of the manual's are the user's own in the run `chat`."""


def words(name: str, data: Path, model: str, folder: Path) -> list[str]:
    """The command line of the run of that name, without --run."""
    if name == "embedded":
        return ["--recipe", "embedded"]
    if name == "telecom":
        return [
            *(str(data / "aiops_fragments.json"), "--recipe", "embedded", "--generations", "2"),
            *("--eval", str(data / "aiops_eval.json"), "--read.limit", "120"),
            *("--check.enabled", "false", "--train.steps", "", "--train.epochs", "2"),
            *("--rehearse.topics", "200", "--rehearse.fragments", "100"),
        ]
    lines = (data / "ganeti" / "pairs.jsonl").read_text(encoding="utf-8").splitlines(True)
    pairs = folder / "pairs.jsonl"
    pairs.write_text("".join(lines[:PAIRS]), encoding="utf-8")
    return [
        *(str(data / "ganeti" / "manual"), "--model", model, "--pairs", str(pairs)),
        *("--eval", str(data / "ganeti" / "questions.jsonl"), "--evaluate.limit", "20"),
        *("--read.limit", "16", "--generations", "1", "--ask.per-fragment", "2"),
        *("--rehearse.topics", "16", "--rehearse.template", "8", "--rehearse.fragments", "6"),
        *("--evaluate.abilities", "8", "--answer.max-tokens", "128"),
        *("--evaluate.max-tokens", "96", "--model.batch-size", "16"),
    ]


def measure(command: list[str], folder: Path) -> dict[str, Any]:
    """Run it, unless it is there already, and compare."""
    process = subprocess.Popen(
        [sys.executable, "-m", "self_evolution", "run", *command, "--run", str(folder)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{folder}: the run ended with status {status}")
    with read_run(folder) as run:
        rows = beside(run.ledger)
        probed = run.ledger.meta("probe")
    if not rows:
        raise SystemExit(f"{folder}: too short to be forecast")
    found: dict[str, Any] = {"cpu_seconds": round(used.ru_utime + used.ru_stime, 1)}
    if probed:
        taken = rows[-1].taken
        found["probe"] = {
            "cpu_seconds": round(probed["cpu_seconds"], 1),
            "share": round(probed["cpu_seconds"] / taken.cpu_seconds, 3),
        }
    for name, expected, taken in rows:
        found[name] = {
            "tokens": _ratio(expected.tokens, taken.tokens),
            "cpu": _ratio(expected.cpu_seconds, taken.cpu_seconds),
            "taken": [taken.tokens, round(taken.cpu_seconds, 1)],
        }
    return found


def _ratio(expected: float, taken: float) -> float | None:
    return round(expected / taken, 3) if taken else None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="*", default=["embedded"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--model", default="")
    parser.add_argument("--run", type=Path, help="keep the runs here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.run or Path(temporary)
        folder.mkdir(exist_ok=True)
        found = {
            name: measure(words(name, options.data, options.model, folder), folder / name)
            for name in options.runs
        }
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
