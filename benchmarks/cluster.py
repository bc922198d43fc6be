"""Measures what handing out work costs: jobs on one actor of a cluster, and the same ones here.

    python benchmarks/cluster.py [--model embedded] [--seconds 1] [--jobs 8] [--turns 3]

A job has the model write replies for about so many seconds, with one thread, and the single actor
takes one core, so both have the same cores. They take turns, so that other work on the machine
counts for both alike. Prints the start-up apart, the ratio of the times by the clock, and that of
the processor time of this process and the actor's jobs, which other work changes less. The jobs of
`idle` only wait, which shows the handing out alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

from self_evolution.config import load
from self_evolution.models import Engine, SamplingParams, engines, open_engine
from self_evolution.models.cluster.cluster import Cluster

PARAMS = SamplingParams(1.0, 1.0, 64)


def write(prompts: int, engine: Engine) -> float:
    """Write replies, and return the processor time that this took here."""
    start = time.process_time()
    messages = [
        [{"role": "user", "content": f"Which value does alarm {i} have?"}] for i in range(prompts)
    ]
    engine.generate(messages, PARAMS, 0, "base")  # type: ignore[arg-type]
    return time.process_time() - start


def wait(seconds: float, engine: Engine) -> float:
    time.sleep(seconds)
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    settings = load("embedded").changed(
        {"model.name": options.model, "cluster.address": "local", "cluster.actors": 1}
    )
    settings = engines.settled(settings)
    engine = open_engine(settings.model)
    write(8, engine)
    prompts = max(1, round(8 * options.seconds / write(8, engine)))
    for _ in range(2):  # a larger batch is faster for each prompt
        prompts = max(1, round(prompts * options.seconds / write(prompts, engine)))
    start = time.perf_counter()
    cluster = Cluster(settings, engine, print)
    next(cluster.work(iter([partial(write, 1)]), None, ""))
    print(f"start-up: {time.perf_counter() - start:.1f} s, to the first result")

    def there(job: Callable[[Engine], float]) -> tuple[float, float]:
        return _timed(lambda: cluster.work(iter([job] * options.jobs), None, ""), here=False)

    def here(job: Callable[[Engine], float]) -> tuple[float, float]:
        return _timed(lambda: (job(engine) for _ in range(options.jobs)), here=True)

    for name, job in (
        (f"{prompts} replies a job", partial(write, prompts)),
        ("idle", partial(wait, options.seconds)),
    ):
        walls, costs = [], []
        for _ in range(options.turns):
            (wall, cpu), (wall_there, cpu_there) = here(job), there(job)
            walls.append(wall_there / wall)
            costs += [cpu_there / cpu] if cpu > 0.1 else []
            print(f"{name}: here {wall:.1f} s, on the cluster {wall_there:.1f} s")
        by_clock = f"{statistics.median(walls):.3f} ({min(walls):.3f} to {max(walls):.3f})"
        in_time = f", in processor time {statistics.median(costs):.3f}" if costs else ""
        print(f"{name}: ratio by the clock {by_clock}{in_time}")
    cluster.close()


def _timed(work: Callable[[], Iterator[Any]], here: bool) -> tuple[float, float]:
    """Seconds by the clock, and of the processor: of this process, and of the jobs elsewhere."""
    start, cpu = time.perf_counter(), time.process_time()
    spent = sum(work())
    mine = time.process_time() - cpu
    return time.perf_counter() - start, mine if here else mine + spent


if __name__ == "__main__":
    main()
