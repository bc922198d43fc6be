"""The service as a real process, for the tests that call it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from self_evolution.models import Engine
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import Answerer, open_model
from self_evolution.serving.http.app import make_app
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.guard import Guard
from self_evolution.serving.http.limits import Limits
from self_evolution.serving.http.metrics import Metrics
from self_evolution.serving.http.security import Access
from self_evolution.serving.http.server import listen, serve
from self_evolution.serving.processes import Processes
from self_evolution.serving.starting import Starter


class Service(NamedTuple):
    """A running service; `log` is the file with what it prints."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


class Served(NamedTuple):
    """A service in a thread of this process."""

    port: int
    engine: Engine
    guard: Guard
    desk: Desk

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def served(run: Path, folder: Path, *words: str) -> Iterator[Service]:
    """The service on a free port, until the block ends."""
    log = folder / f"serve-{len(list(folder.glob('serve-*')))}.log"
    command = [sys.executable, "-m", "self_evolution", "serve", str(run), "--port", "0", *words]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stderr=file, stdout=file, env=os.environ)
    try:
        yield Service(_address(process, log), process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            process.kill()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the service says where it is."""
    while process.poll() is None:
        if found := re.search(r"at (http://\S+)\n", log.read_text()):
            return found[1].replace("0.0.0.0", "127.0.0.1")
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(log.read_text())


@contextmanager
def served_here(
    run: Path, limits: Limits, token: str = "", starter: Starter | None = None
) -> Iterator[Served]:
    """The service in a thread of this process, with limits that no option sets."""
    with (
        closing(RunReader(run)) as reader,
        closing(listen("127.0.0.1", 0)) as listener,
        closing(open_model(reader)) as engine,
        closing(Answerer(reader, engine)) as answerer,
    ):
        answerer.warm_up(0)
        metrics = Metrics()
        access = Access("127.0.0.1", token)
        processes = Processes() if token else None
        desk = Desk(reader, answerer, limits, metrics, processes=processes, starter=starter)
        with closing(desk):
            guard = Guard(make_app(desk, access), access, limits, metrics)
            thread = threading.Thread(target=serve, args=(guard, limits, listener))
            thread.start()
            try:
                yield Served(listener.getsockname()[1], engine, guard, desk)
            finally:
                guard.ending = True
                thread.join(30)
                assert not thread.is_alive()
