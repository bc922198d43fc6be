"""The recipe `embedded` on several seeds: what is learnt, what is lost, time and memory.

    python benchmarks/embedded.py [--seeds 0 1 2]

Each seed is a process of its own, one after the other. Prints JSON: exact match in percent by
generation (domain and retention, closed and open book), CPU-seconds and peak memory of the process.
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

from self_evolution.run.read import read_run


def measure(seed: int, folder: Path) -> dict[str, Any]:
    words = ["run", "--recipe", "embedded", "--seed", str(seed), "--run", str(folder)]
    process = subprocess.Popen(
        [sys.executable, "-m", "self_evolution", *words],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"seed {seed}: the run ended with status {status}")
    scores: dict[str, list[float]] = {}
    with read_run(folder) as run:
        for row in run.ledger.evaluations.of_generations():
            if row.metric == "exact-match":
                scores.setdefault(f"{row.suite} {row.mode}", []).append(round(row.mean, 1))
    return {
        "seed": seed,
        **scores,
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": used.ru_maxrss // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = [measure(seed, Path(temporary) / str(seed)) for seed in options.seeds]
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
