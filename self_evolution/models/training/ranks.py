"""Training in several processes of this machine, which torch's launcher starts.

This process waits for them. It passes on what they tell, stops them when it is stopped, and says
what went wrong. They talk to one another over the loopback interface alone.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from self_evolution import meter
from self_evolution.config import Model
from self_evolution.errors import Stopped, UserError
from self_evolution.models.base.loading import choose_device
from self_evolution.models.training.job import Trained, TrainingJob
from self_evolution.models.training.parallel import Parallel
from self_evolution.models.training.rank import JOB, SENT, errors_of, file_of
from self_evolution.models.training.world import Held, apart

_LOOK = 0.1
"""Seconds between two looks at what the processes tell."""

_GRACE = 4
"""Seconds in which the processes end and keep their last step when they are asked to stop."""

_TAKEN = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""The signals for which the launcher sets handlers of its own."""

PROGRAM = "self_evolution.models.training.rank"

_AGAIN = "run the same command again: it goes on from the last checkpoint"


class _Process(NamedTuple):
    """One of the processes, with the file that it tells in, and the one of its errors."""

    popen: Any
    told: Path
    errors: Path


class _Word(NamedTuple):
    """What a process tells, and when."""

    seconds: float
    what: str
    value: Any


class End(NamedTuple):
    """What a process has at the end, and what the training came to."""

    held: Held
    trained: Trained


def train(
    settings: Model,
    plan: Parallel,
    job: TrainingJob,
    adapter: tuple[Path | None, str],
    stopped: Callable[[], bool],
) -> Trained:
    """Do the job in several processes, on the model of these settings with that adapter.

    `adapter` is a folder, if there is one, and the digest that it should have. Raises Stopped soon
    after `stopped` is true, and UserError if a process fails.
    """
    folder = job.folder.with_name(job.folder.name + ".ranks.tmp")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    device = choose_device(settings.device)
    # They only train, so none of them needs the server that generates.
    model = settings.model_copy(update={"device": device, "generator": ""})
    task = {
        "parent": os.getpid(),
        "model": model.model_dump(mode="json"),
        "kind": plan.kind,
        "processes": plan.processes,
        "adapter": [str(adapter[0]) if adapter[0] else "", adapter[1]],
        "train": job.settings.model_dump(mode="json"),
        "folder": str(job.folder),
        **{name: getattr(job, name) for name in SENT},
    }
    try:
        (folder / JOB).write_text(json.dumps(task, ensure_ascii=False), encoding="utf-8")
        with _started(folder, model, plan.processes) as processes:
            return _follow(processes, job, stopped)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(folder: Path, settings: Model, size: int) -> Iterator[list[_Process]]:
    """The processes; none of them is left at the end."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, start_processes

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    ours = {number: signal.getsignal(number) for number in _TAKEN}
    launched: Any = start_processes(
        "train",
        sys.executable,
        {rank: ("-P", "-m", PROGRAM, folder, rank) for rank in range(size)},
        {rank: _environment(rank, size, settings) for rank in range(size)},
        DefaultLogsSpecs(log_dir=str(folder)),
    )
    for number, handler in ours.items():
        signal.signal(number, handler)
    try:
        yield [
            _Process(handler.proc, file_of(folder, rank), errors_of(folder, rank))
            for rank, handler in sorted(launched.subprocess_handlers.items())
        ]
    finally:
        launched.close(signal.SIGTERM, _GRACE)


def _environment(rank: int, size: int, settings: Model) -> dict[str, str]:
    """One GPU for each process, or its share of the CPU's cores."""
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    threads = settings.threads or max(1, (os.cpu_count() or 1) // size)
    # The folder of this package and no other: the working folder may hold anything.
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), package])
    found = {
        "PYTHONPATH": path,
        "GLOO_SOCKET_IFNAME": loopback,
        "NCCL_SOCKET_IFNAME": loopback,
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
    }
    if settings.device == "cuda":
        seen = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        found["CUDA_VISIBLE_DEVICES"] = seen[rank] if len(seen) >= size else str(rank)
    return found


def _follow(
    processes: Sequence[_Process], job: TrainingJob, stopped: Callable[[], bool]
) -> Trained:
    """Pass on what the processes tell, until all are done."""
    news = [_news(process.told) for process in processes]
    failed: dict[int, _Word] = {}
    ends: dict[int, End] = {}
    while True:
        codes = [process.popen.poll() for process in processes]  # before the last news
        for rank, words in enumerate(news):
            for word in next(words):
                if word.what in ("refused", "failed"):
                    failed[rank] = word
                elif word.what == "work":
                    meter.elsewhere(word.value)
                elif word.what == "cost":
                    meter.cost_elsewhere(*word.value)
                elif word.what == "end":
                    held, trained = word.value
                    ends[rank] = End(Held(*held), Trained(*trained))
                elif rank == 0 and word.what == "loss":
                    job.on_loss(word.value)
                elif rank == 0 and word.what == "step":
                    job.on_step(*word.value)
        if stopped():
            raise Stopped
        if any(codes):
            raise _error(processes, codes, failed)
        if all(code == 0 for code in codes):
            return outcome([ends[rank] for rank in range(len(processes))])
        time.sleep(_LOOK)


def outcome(ends: Sequence[End]) -> Trained:
    """What the training came to. Raises UserError if the processes did not take the same steps."""
    if len({end.held.adapter for end in ends}) > 1:
        raise apart(len(ends), "at the end")
    return ends[0].trained


def _news(path: Path) -> Iterator[list[_Word]]:
    """What is new in a process's file, whenever one asks for it."""
    while not path.is_file():
        yield []
    rest = ""
    with path.open(encoding="utf-8") as file:
        while True:
            *lines, rest = (rest + file.read()).split("\n")
            yield [_Word(*json.loads(line)) for line in lines]


def _error(
    processes: Sequence[_Process], codes: Sequence[int | None], failed: dict[int, _Word]
) -> UserError:
    """The first cause: that others have lost the connection to a process is none."""
    size = len(processes)
    for rank, code in enumerate(codes):
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            return UserError(
                f"training process {rank + 1} of {size} was killed by {name}; "
                "if nobody did that, the machine's memory was too small: give fewer "
                f"--train.processes or a smaller --train.micro-batch. Or {_AGAIN}"
            )
    if not failed:
        rank = next(rank for rank, code in enumerate(codes) if code)
        file = processes[rank].errors
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    else:
        rank = min(failed, key=lambda one: failed[one].seconds)
        text = failed[rank].value
        if failed[rank].what == "refused":
            return UserError(text)
    last = (text.strip().splitlines() or ["it said nothing"])[-1]
    error = UserError(
        f"training process {rank + 1} of {size} failed: {last}\nMend the cause, or give "
        f"--train.parallel none to train in one process; then {_AGAIN}"
    )
    error.add_note(text)  # --debug shows it
    return error
