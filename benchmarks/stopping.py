"""How soon a run ends when it is asked to: SIGTERM at several moments of its life.

    python -m benchmarks.stopping [--at 2 6 10 14 …] [--on] -- WORDS

WORDS are flags and documents of `self-evolution run`. For each number, the run is begun in a new
folder, or with `--on` goes on in the same one, and gets SIGTERM when its process has taken so many
CPU seconds. Prints the number, the seconds on the clock and the CPU seconds from then to the end of
the process, and the last two lines that it had said before. On a busy machine only the CPU seconds
tell how long it would take on a quiet one.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

LOOK = 0.05
"""Seconds after which the CPU time is looked at again."""


def stop(words: list[str], folder: Path, seconds: float) -> str:
    """Begin a run, stop it when it has taken so many CPU seconds, and say what that took."""
    log = folder.with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "self_evolution", "run", *words, "--run", str(folder)],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=output,
        )
        watched = psutil.Process(process.pid)
        taken = 0.0
        while taken < seconds and process.poll() is None:
            time.sleep(LOOK)
            if watched.status() != psutil.STATUS_ZOMBIE:
                taken = sum(watched.cpu_times()[:4])  # and of its readers
        said = log.read_text()
        if process.poll() is not None:
            return f"{seconds:5.0f}  the run was over before"
        start = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, _, used = os.wait4(process.pid, 0)
    clock, cpu = time.monotonic() - start, used.ru_utime + used.ru_stime - taken
    last = " | ".join(said.strip().splitlines()[-2:])
    return f"{seconds:5.0f}  {clock:5.1f} s  {cpu:5.1f} s of CPU time  {last[:140]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--at", type=float, nargs="+", default=list(range(1, 61, 4)))
    parser.add_argument("--on", action="store_true")
    parser.add_argument("words", nargs="*", metavar="WORDS")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for number, seconds in enumerate(options.at):
            folder = Path(temporary) / ("run" if options.on else f"run-{number}")
            print(stop(options.words, folder, seconds), flush=True)


if __name__ == "__main__":
    main()
