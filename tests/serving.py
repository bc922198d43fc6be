"""The service as a real process, for the tests that call it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class Service(NamedTuple):
    """A running service; `log` is the file with what it prints."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


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
