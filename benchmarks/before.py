"""A whole run of this program against the same run of an earlier version, in CPU time by stage.

    python -m benchmarks.before CHECKOUT [--turns 3] [--before WORDS] [--after WORDS …] -- WORDS

CHECKOUT is a folder with the earlier version of this repository (`git worktree add CHECKOUT
COMMIT`). WORDS are flags and documents of `self-evolution run`: those at the end for both versions,
those of `--before` and `--after`, each in quotation marks, for one of them. Each `--after` is a run
of its own. All run with this Python and its packages, in turns, each time in a new folder and on
one thread.

Prints a table for each run of this version, with a line for each stage: the CPU seconds before and
after (medians), and the ratio of the time after to that before (the median and the range over the
turns): below 1 it is faster now.
"outside of stages" is what the process takes before, between and after the stages: the imports, the
forecast and the report. At the end stand the peak memory, how much the model wrote (replies are
sampled, so they are not the same), and the exact match of the last generation.

`benchmarks/quick_start_before.yaml` has the settings that the recipe `embedded` had at first:

    python -m benchmarks.before CHECKOUT --before "--recipe embedded" \\
      --after "--recipe benchmarks/quick_start_before.yaml" --after "--recipe embedded"
"""

from __future__ import annotations

import argparse
import os
import shlex
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import NamedTuple

from self_evolution.schedule import STAGES

HERE = Path(__file__).parents[1]
REST, WHOLE = "outside of stages", "the whole run"


class Measured(NamedTuple):
    """The measurements of one run are its CPU seconds by stage, its peak memory in megabytes, the
    characters that the model wrote, by table, and the last exact match in percent."""

    seconds: dict[str, float]
    memory: int
    written: dict[str, int]
    scores: dict[str, float]


def measure(checkout: Path, words: Sequence[str], folder: Path) -> Measured:
    """Run the version in `checkout` in a new folder. Ends this program if the run fails."""
    with (log := folder.with_suffix(".log")).open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "self_evolution", "run", *words, "--run", str(folder)],
            # Safe: the package in the current folder must not take the place of the one wanted.
            env=os.environ
            | {"PYTHONPATH": str(checkout), "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=output,
        )
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{log.read_text()}\n{checkout}: the run ended with status {status}")
    with closing(sqlite3.connect(folder / "run.db")) as ledger:
        rows = ledger.execute("SELECT name, sum(cpu_seconds) FROM stage GROUP BY name").fetchall()
        written = {
            name: ledger.execute(f"SELECT coalesce(sum(length(text)), 0) FROM {name}").fetchone()[0]
            for name in ("question", "answer", "prediction")
        }
        scores = ledger.execute(
            "SELECT suite || ' ' || mode, mean FROM evaluation WHERE metric = 'exact-match' "
            "AND generation = (SELECT max(generation) FROM evaluation) ORDER BY 1"
        ).fetchall()
    earlier = {stage.seed_key: name for name, stage in STAGES.items() if stage.seed_key}
    seconds = {earlier.get(name, name): taken for name, taken in rows}
    whole = used.ru_utime + used.ru_stime
    seconds |= {REST: whole - sum(seconds.values()), WHOLE: whole}
    return Measured(seconds, used.ru_maxrss // 1024, written, dict(scores))


def show(title: str, before: list[Measured], after: list[Measured]) -> None:
    """Print the table of all turns so far."""
    print(f"{title or 'the same flags'}\n{'':<18}{'before':>11}{'after':>11}{'ratio':>8}")
    for name in (*STAGES, REST, WHOLE):
        old, new = ([one.seconds.get(name, 0.0) for one in side] for side in (before, after))
        if not any(old + new):
            continue
        line = f"{name:<18}{median(old):9.1f} s {median(new):9.1f} s"
        if all(old) and all(new):
            ratios = [b / a for a, b in zip(old, new, strict=True)]
            line += f"   {median(ratios):5.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(line)
    memory = [round(median(one.memory for one in side)) for side in (before, after)]
    print(f"{'peak memory':<18}{memory[0]:9,} MB{memory[1]:9,} MB")
    for name in after[-1].written:
        sizes = [round(median(one.written[name] for one in side)) for side in (before, after)]
        print(f"{name + 's':<18}{sizes[0]:9,} letters {sizes[1]:9,} letters")
    for name in after[-1].scores:
        old_score = before[-1].scores.get(name, float("nan"))
        print(f"{name:<18}{old_score:9.1f} % {after[-1].scores[name]:9.1f} %")
    print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--before", default="", metavar="WORDS")
    parser.add_argument("--after", action="append", metavar="WORDS")
    own = sys.argv[1:]
    both = own[own.index("--") + 1 :] if "--" in own else []
    options = parser.parse_args(own[: own.index("--")] if "--" in own else own)
    versions = [(options.checkout.resolve(), options.before)]
    versions += [(HERE, words) for words in options.after or [""]]
    found: list[list[Measured]] = [[] for _ in versions]
    with tempfile.TemporaryDirectory() as temporary:
        for turn in range(options.turns):
            for number, (checkout, flags) in enumerate(versions):
                words = [*both, *shlex.split(flags)]
                found[number].append(measure(checkout, words, Path(temporary) / f"{turn}-{number}"))
            print(f"after {turn + 1} of {options.turns} turns\n")
            for (_, flags), after in zip(versions[1:], found[1:], strict=True):
                show(flags, found[0], after)


if __name__ == "__main__":
    main()
