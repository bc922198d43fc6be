"""The service under load: answers a second, alone and with many clients, and how long they wait.

    python benchmarks/serving.py RUN [--clients 64] [--seconds 60] [--closed] [--models leader,base]

It starts `self-evolution serve RUN` and puts the test questions of the run to `/api/ask`, streamed,
with passages, or from memory with `--closed`; the routing is off, which would put each one twice.
The calibration of the routing must be there, or the service would make it meanwhile.
With several `--models`, they are asked in turn: those of different models do not share a batch.
One client and many take turns in blocks, so that other work on the machine counts for both alike.
`answers/CPU s` is for a second of the service's own processor time, which other work changes least.
`first` is from a question to the first piece of its answer. `MB` is the memory of the service at
the end of each block.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from self_evolution.run.read import read_run
from self_evolution.serving.routing import calibration

BLOCKS = 3
SHARE = 0.3
"""Seconds with one client for each second with many."""


class Block(NamedTuple):
    """The outcome of the questions of one block; times are in seconds."""

    seconds: float
    cpu: float
    first: list[float]
    statuses: Counter[int]
    megabytes: float

    @property
    def answers(self) -> int:
        return self.statuses[200]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--closed", action="store_true", help="from memory, without a search")
    parser.add_argument("--models", default="leader", help="the models to ask, with commas between")
    options = parser.parse_args()
    with read_run(options.run) as run:
        questions = [item.question for item in run.ledger.items.of_suite("domain")]
        if calibration.load(run, run.ledger.evaluations.leader()) is None:
            raise SystemExit(f"not calibrated: `self-evolution chat {options.run} QUESTION` first")
    given = {"closed": options.closed, "routing": False}
    bodies = [
        json.dumps({"question": text, "model": model, **given}).encode()
        for text, model in zip(questions, itertools.cycle(options.models.split(",")), strict=False)
    ]
    with _served(options.run) as (process, port):
        part = options.seconds / BLOCKS
        one, many = [], []
        for _ in range(BLOCKS):
            one.append(asyncio.run(_block(process, port, bodies, 1, part * SHARE)))
            many.append(asyncio.run(_block(process, port, bodies, options.clients, part)))
    print(
        "clients  answers/s  answers/CPU s  first p50  first p95   MB at each end  other statuses"
    )
    for clients, blocks in ((1, one), (options.clients, many)):
        first = sorted(1000 * one for block in blocks for one in block.first)
        answers = sum(block.answers for block in blocks)
        others = sum((block.statuses for block in blocks), Counter[int]()) - Counter({200: answers})
        sizes = " ".join(f"{block.megabytes:.0f}" for block in blocks)
        print(
            f"{clients:>7} {answers / sum(block.seconds for block in blocks):>10.1f} "
            f"{answers / sum(block.cpu for block in blocks):>14.1f} "
            f"{first[len(first) // 2]:>6.0f} ms {first[len(first) * 95 // 100]:>6.0f} ms "
            f"{sizes:>16}  {dict(others) or 'none'}"
        )
    pairs = list(zip(one, many, strict=True))
    walls = [b.answers / b.seconds * a.seconds / a.answers for a, b in pairs]
    cpus = [b.answers / b.cpu * a.cpu / a.answers for a, b in pairs]
    print(f"many clients get {_range(walls)} times the answers of one in a second,")
    print(f"and {_range(cpus)} times in a second of the service's processor time")


def _range(values: list[float]) -> str:
    return f"{sorted(values)[len(values) // 2]:.1f} ({min(values):.1f}–{max(values):.1f})"


@contextmanager
def _served(run: Path) -> Iterator[tuple[psutil.Process, int]]:
    command = [sys.executable, "-m", "self_evolution", "serve", str(run), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        log = None
        try:
            for line in process.stderr:
                if found := re.search(r"at http://\S+:(\d+)", line):
                    break
            else:
                raise SystemExit("the service did not start")
            # What it logs is read, so that it does not wait for a full pipe.
            log = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
            yield psutil.Process(process.pid), int(found[1])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
            if log:
                log.wait()


async def _block(
    process: psutil.Process, port: int, bodies: list[bytes], clients: int, seconds: float
) -> Block:
    """`clients` ask one question after another for so long."""
    first: list[float] = []
    statuses: Counter[int] = Counter()
    before, start = process.cpu_times(), time.perf_counter()
    turns = itertools.cycle(bodies)

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() - start < seconds:
            status, wait = await _ask(reader, writer, next(turns))
            statuses[status] += 1
            if status == 200:
                first.append(wait)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    after = process.cpu_times()
    return Block(
        time.perf_counter() - start,
        after.user + after.system - before.user - before.system,
        first,
        statuses,
        process.memory_info().rss / 1e6,
    )


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes
) -> tuple[int, float]:
    """The status of one question, and the seconds to the first piece of its answer."""
    start = time.perf_counter()
    writer.write(
        b"POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body
    )
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    if status != 200:
        length = re.search(rb"(?i)content-length: (\d+)", head)
        assert length
        await reader.readexactly(int(length[1]))
        await asyncio.sleep(1)
        return status, 0.0
    first = 0.0
    while size := int(await reader.readline(), 16):
        chunk = await reader.readexactly(size + 2)
        if not first and chunk.startswith(b"event: text"):
            first = time.perf_counter() - start
        assert not chunk.startswith(b"event: error"), chunk
    await reader.readexactly(2)
    return status, first


if __name__ == "__main__":
    main()
