"""The processes that work on runs, as far as the service has begun them; each outlives it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from self_evolution import config
from self_evolution.errors import UserError
from self_evolution.run.process import is_running
from self_evolution.run.read import RunReader
from self_evolution.schedule import left, out_of_patience

LOG = "process.log"
"""What the process prints that goes on with the run that is served: a file in the run's folder."""
_TAIL = 4000
"""Characters of a log that are shown."""
_ENDING = 5.0
"""Seconds that a process may take to end after it has given the run back."""


class Conflict(UserError):
    """What was asked for does not fit what is there already."""


class _Begun(NamedTuple):
    process: subprocess.Popen[bytes]
    log: Path


class Processes:
    """Begins processes, one at a time. Its methods may be called by any thread."""

    def __init__(self) -> None:
        self._begun: dict[Path, _Begun] = {}
        self._lock = threading.Lock()

    def begin(
        self, folder: Path, words: Sequence[str], log: Path, within: Path | None = None
    ) -> None:
        """Begin a process for the run in `folder`: the command of these words, in `within`.

        Raises Conflict while another one is at work, and OSError if the log cannot be written.
        """
        # With -P, the runs in this folder are not taken for Python packages of their names.
        command = [sys.executable, "-P", "-m", "self_evolution", *words]
        with self._lock:
            for other, (process, _) in self._begun.items():
                at_work = other.is_dir() and is_running(other)
                if not _has_ended(process, 0.0 if at_work else _ENDING):
                    raise Conflict(f"the run {other.name} is at work; wait for its end, or stop it")
            with log.open("wb") as file:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    cwd=within,
                    start_new_session=True,  # so it stays alive when the service ends
                )
            self._begun[folder.absolute()] = _Begun(process, log.absolute())

    def go_on(
        self, run: RunReader, further: int, log: Path | None = None, within: Path | None = None
    ) -> None:
        """Begin a process that goes on with a run, and makes so many `further` generations.

        Raises Conflict if nothing is left to do, or a process is at work.
        """
        folder = run.folder
        with run.snapshot():
            # Another process may have changed the settings, such as the number of generations.
            stored = config.parse(run.ledger.meta("settings"), str(folder))
            wanted = stored.changed({"generations": stored.generations + further})
            complete = not left(wanted, run.ledger)
            spent = out_of_patience(wanted, run.ledger)
        if is_running(folder):
            raise Conflict("a process is at work on this run; wait for its end, or stop it first")
        # What is left may be a stage of a generation that is decided already, so it is done first.
        if complete and spent:
            raise Conflict(
                "no generation follows, because the last ones were not promoted; "
                f"`self-evolution run --run {shlex.quote(str(folder))} --generations "
                f"{wanted.generations} --promote.patience 0 --accept-change` goes on"
            )
        if complete:
            raise Conflict("the run is complete; ask for a further generation")
        more = ["--generations", str(wanted.generations)] if further else []
        words = ["run", "--run", str(folder), *more]
        self.begin(folder, words, log or folder / LOG, within)

    def is_alive(self, folder: Path) -> bool:
        """Whether the process that was begun for a run has not ended."""
        begun = self._begun.get(folder.absolute())
        return begun is not None and not _has_ended(begun.process)

    def failed(self, folder: Path) -> bool:
        """Whether the process that was begun for a run has ended with an error, and no other one
        has worked on the run since."""
        begun = self._begun.get(folder.absolute())
        if begun is None or not begun.process.poll():
            return False
        with suppress(FileNotFoundError):
            # A process says last why it failed, so a later change of the ledger is another one's.
            return begun.log.stat().st_mtime_ns >= _changed(folder)
        return False

    def log(self, folder: Path) -> str:
        """The end of what the process for a run has printed; empty if none was begun."""
        begun = self._begun.get(folder.absolute())
        with suppress(FileNotFoundError):  # somebody has removed it
            return tail(begun.log) if begun else ""
        return ""


def tail(log: Path) -> str:
    """The end of a log. Raises FileNotFoundError if there is none."""
    with log.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 4 * _TAIL))  # a character has at most four bytes
        return file.read().decode("utf-8", "replace")[-_TAIL:].strip()


def _changed(folder: Path) -> int:
    """When the ledger of a run was written last; what is new in it may be in its log alone."""
    files = (folder / "run.db", folder / "run.db-wal")
    return max((one.stat().st_mtime_ns for one in files if one.is_file()), default=0)


def _has_ended(process: subprocess.Popen[bytes], seconds: float = 0.0) -> bool:
    """Whether a process has ended, or does so within so many seconds."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
