"""The parent's side of reading: worker processes, their messages, and how they ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from self_evolution.documents.readers.base import Part, storable
from self_evolution.documents.readers.worker import OUT_OF_MEMORY, Limits

_AHEAD = 4  # files for each worker that may be read before their results are taken


class Read(NamedTuple):
    """A document that was read, or that could not be read (`problem`).

    `path` is its path inside the container; empty for the file itself.
    """

    path: str
    format: str
    sha256: str
    title: str = ""
    note: str = ""
    problem: str | None = None
    parts: Sequence[Part] = ()


class Reading(NamedTuple):
    """All documents of a file, and the number of its members that no reader takes, by ending."""

    documents: list[Read]
    left_out: dict[str, int]


class Workers:
    """Processes that read files side by side. One that ends early is replaced."""

    def __init__(self, limits: Limits, count: int = 0) -> None:
        """Start with `count` processes at most; 0 means one for each core, up to 8."""
        self._limits = limits
        self._count = count or min(8, os.cpu_count() or 1)
        self._here = threading.local()
        self._workers: list[_Worker] = []
        self._threads = ThreadPoolExecutor(self._count, "reader", self._start)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.stop()
        self._threads.shutdown()
        for worker in self._workers:
            worker.close()

    def read(self, paths: Sequence[Path]) -> Iterator[Reading]:
        """Yield the content of each file, in the order of `paths`; later files are read
        meanwhile."""
        waiting: deque[Future[Reading]] = deque()
        for path in paths:
            waiting.append(self._threads.submit(self._read, path))
            if len(waiting) > self._count * _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _start(self) -> None:
        self._here.worker = _Worker(self._limits)
        self._workers.append(self._here.worker)

    def _read(self, path: Path) -> Reading:
        reading: Reading = self._here.worker.read(path)
        return reading


class _Worker:
    """A process that is started when there is something to read, and again after it has ended."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def stop(self) -> None:
        """End the process in any state; a thread that waits for its messages sees that it has
        ended."""
        self._stopped = True
        if self._process is not None:
            _end(self._process)

    def close(self) -> None:
        """Free the resources of the process; no thread may be waiting for it."""
        if self._process is not None:
            assert self._process.stdin is not None and self._process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.stdout.close()
            self._process.wait()
            self._process = None

    def read(self, path: Path) -> Reading:
        reading = Reading([], {})
        begun = None
        while True:
            for message in self._messages(path, skip=len(reading.documents)):
                if "end" in message:
                    return reading
                if "begin" in message:
                    begun = str(message["begin"])
                elif "left_out" in message:
                    reading.left_out.update(message["left_out"])
                else:
                    reading.documents.append(_document(message))
                    begun = None
            problem = self._obituary(path)
            if problem is None:
                continue
            reading.documents.append(Read(begun or "", "", "", problem=problem))
            if begun is None:  # not in one of its documents, but in the file as a whole
                return reading
            begun = None

    def _messages(self, path: Path, skip: int) -> Iterator[dict[str, Any]]:
        """Yield the messages of the process about a file, until the file or the process ends."""
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._process = _start(self._limits)
            if self._stopped:
                _end(self._process)
        task = {"path": os.fspath(path.absolute()), "skip": skip}
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(task).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return
        for line in self._process.stdout:
            if not line.endswith(b"\n"):
                return  # cut off in the middle
            message = json.loads(line)
            yield message
            if "end" in message:
                return

    def _obituary(self, path: Path) -> str | None:
        """Return why the process ended, for people; None if the file was not the reason."""
        assert self._process is not None
        status = self._process.wait()
        _end(self._process)  # what it started may still run
        if self._stopped:
            return "reading was stopped"
        if status in (-signal.SIGTERM, -signal.SIGINT):
            return None
        if status == -signal.SIGALRM:
            size = path.stat().st_size if path.exists() else 0
            return f"took longer than {self._limits.time(size):.2g} s, see --read.seconds"
        if status == OUT_OF_MEMORY:
            return (
                f"needs more than {self._limits.memory >> 20:,} MB of memory, see --read.memory-mb"
            )
        if status == -signal.SIGKILL:
            return "its reader was killed, as a system short of memory does"
        return f"its reader crashed ({signal.strsignal(-status) if status < 0 else status})"


def _start(limits: Limits) -> subprocess.Popen[bytes]:
    # The folder of this package and no other: the working folder may hold anything.
    package = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "self_evolution.documents.readers.worker", json.dumps(limits)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the parent, which ends its workers itself
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, which leads a group, and all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _document(message: dict[str, Any]) -> Read:
    parts = [
        Part(tuple(heading), text, start, end, tuple((at, page) for at, page in pages), overlap)
        for heading, text, start, end, pages, overlap in message.pop("parts", ())
    ]
    message.pop("size", None)
    message["path"] = storable(message["path"])
    return Read(**message, parts=parts)
