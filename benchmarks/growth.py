"""Time and memory of a run as its documents grow, with scripted answers in place of a model.

    python -m benchmarks.growth [1000 10000 100000 1000000]

For each number of fragments, a run in a process of its own reads, splits, asks four questions a
fragment, answers, checks, scores and selects; then `status` and the report are made. There are 100
test questions, with which the pairs are compared. Prints the processor time of each stage, its time
by the clock, the peak memory after it, and the exponents of the processor time of all stages, and
of each command, from one number to the next: 1 is linear growth. Everything that is measured is the
program's own work.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from self_evolution import cli, config
from self_evolution.models.scripted import ScriptedEngine
from self_evolution.progress import Progress
from self_evolution.records import Message
from self_evolution.run.models import Models
from self_evolution.run.open import Request, open_run
from self_evolution.schedule import plan
from self_evolution.stages import perform

KEYS = ("port", "rack", "limit", "timeout")
QUESTIONS = 100
SECTIONS_A_FILE = 50
SETTINGS = {
    "model.engine": "scripted",
    "domain.prompts": "embedded",
    "generations": 1,
    "split.min_tokens": 0,
    "ask.per_fragment": len(KEYS),
    "check.grounding": 0.5,
    "train.rehearsal": 0.0,
    "evaluate.build": "never",
    "evaluate.abilities": 0,
    "model.batch_size": 256,
}
LAST = "select"
COMMANDS = ("status", "report")


def write_documents(folder: Path, fragments: int) -> None:
    """Markdown files with a section of four facts for each fragment, none like another."""
    for start in range(0, fragments, SECTIONS_A_FILE):
        path = folder / f"{start // 10_000:04}" / f"{start:08}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            "".join(_section(n) for n in range(start, min(fragments, start + SECTIONS_A_FILE))),
            encoding="utf-8",
        )


def _section(number: int) -> str:
    values = (f"{number}1", f"R-{number}", f"{number + 7}2", f"{number % 977} s")
    facts = zip(KEYS, values, strict=True)
    lines = [f"The {key} of device D{number} is {value}." for key, value in facts]
    return f"## Device D{number}\n\n{' '.join(lines)}\n\n"


def write_questions(path: Path) -> None:
    """Test questions on other matters, so that they are near to no pair."""
    rows = (
        {
            "instruction": f"Valve {n} in hall {n + 3} is opened by pump P{n}.",
            "input": f"Which pump opens valve {n} in hall {n + 3}?",
            "output": f"Pump P{n} opens valve {n}.",
        }
        for n in range(QUESTIONS)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def script(messages: Sequence[Message]) -> str:
    """Ask for the next of the four facts, or answer from the fragment in the prompt."""
    first, last = messages[0]["content"], messages[-1]["content"]
    if "Which pump" in last:
        return "Nobody knows."
    device = re.search(r"device (D\d+)", first)
    assert device is not None
    if "question." in last:
        asked = sum(message["role"] == "assistant" for message in messages)
        return f"What is the {KEYS[asked]} of device {device[1]}?"
    key = last.rpartition("What is the ")[2].split()[0]
    found = re.search(rf"The {key} of device D\d+ is [^.]+\.", last)
    assert found is not None
    return found[0]


def measure(fragments: int, folder: Path) -> dict[str, Any]:
    """Stages with their CPU seconds and the peak memory (MB) of the process after each."""
    write_documents(folder / "documents", fragments)
    name = folder / "script.json"
    name.write_text('{"rules": [], "default": ""}', encoding="utf-8")
    write_questions(questions := folder / "questions.jsonl")
    request = Request(
        overrides=SETTINGS | {"model.name": str(name), "evaluate.file": str(questions)},
        documents=(str(folder / "documents"),),
    )
    stages: dict[str, dict[str, float]] = {}
    with open_run(folder / "run", request, Progress(quiet=True), new=True) as run:
        engine = ScriptedEngine(config.Model(), script)
        run.models = Models(run.config, run.ledger, run.progress, engine)
        for generation, stage in plan(1, run.config):
            with _measured(stages, f"{generation} {stage}"):
                perform(run, generation, stage)
            if (generation, stage) == (1, LAST):
                break
        pairs = run.ledger.pairs.funnel()[-1]
    for command in COMMANDS:
        with _measured(stages, command), contextlib.redirect_stdout(io.StringIO()):
            status = cli.main([command, str(folder / "run")])
        assert status == 0, command
    size = (folder / "run" / "run.db").stat().st_size
    return {"fragments": fragments, "kept": pairs["kept"], "stages": stages, "bytes": size}


@contextlib.contextmanager
def _measured(stages: dict[str, dict[str, float]], name: str) -> Iterator[None]:
    start, before = time.perf_counter(), _cpu()
    yield
    wall, cpu = time.perf_counter() - start, _cpu() - before
    stages[name] = {"cpu": cpu, "wall": wall, "peak_mb": _peak()}
    print(f"{name}: {cpu:.1f} s", file=sys.stderr, flush=True)


def _cpu() -> float:
    """CPU seconds of this process and of those that it has waited for, such as the readers."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, -1))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(found: Sequence[dict[str, Any]]) -> str:
    """A table: a row for each stage, a column for each number of fragments."""
    lines = ["| stage | " + " | ".join(f"{one['fragments']:,}" for one in found) + " |"]
    lines.append("|---|" + "--:|" * len(found))
    for stage in found[0]["stages"]:
        rows = [one["stages"][stage] for one in found]
        cells = [
            f"{row['cpu']:.1f} s ({row['wall']:.1f} s), {row['peak_mb']:.0f} MB" for row in rows
        ]
        lines.append(f"| {stage} | " + " | ".join(cells) + " |")
    taken = {"all stages": [_total(one["stages"]) for one in found]}
    taken |= {name: [one["stages"][name]["cpu"] for one in found] for name in COMMANDS}
    totals = " | ".join(f"{total:.0f} s" for total in taken["all stages"])
    lines.append(f"| all stages | {totals} |")
    sizes = [one["fragments"] for one in found]
    for name, times in taken.items():
        for (size, less), (next_size, more) in pairwise(zip(sizes, times, strict=True)):
            exponent = math.log(more / less) / math.log(next_size / size)
            lines.append(f"\nexponent of {name} from {size:,} to {next_size:,}: {exponent:.2f}")
    return "\n".join(lines)


def _total(stages: dict[str, dict[str, float]]) -> float:
    return sum(row["cpu"] for name, row in stages.items() if name not in COMMANDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("fragments", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(options.fragments[0], Path(folder))))
        return
    found = []
    for number in options.fragments:
        command = [sys.executable, "-m", "benchmarks.growth", "--one", str(number)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
        print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    print(report(found))


if __name__ == "__main__":
    main()
