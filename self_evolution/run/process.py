"""The processes of a run: one works on it, locks it and stops on request; others answer with it."""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from self_evolution.errors import UserError
from self_evolution.progress import interrupt
from self_evolution.run.run import Run

STOP = "stop"
"""A file of this name in a run's folder stops the process at work on it, as SIGTERM does."""

_LOOK = 0.3
"""Seconds between two looks for that file."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the run's folder for this process. Raises UserError if another process has locked it.

    The lock is on the folder itself: it leaves no file, and ends with the process.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        if not _lock(handle):
            raise UserError(
                f"{folder}: another process is at work on this run; wait for it, stop it, or give "
                "another --run"
            )
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    """Take the lock. It is tried again, because `is_running` holds it for an instant to look."""
    for pause in (0.02, 0.1, 0.0):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(pause)
        else:
            return True
    return False


def is_running(folder: Path) -> bool:
    """Whether a process is at work on the run."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def ask_to_stop(folder: Path) -> bool:
    """Have the process at work on the run stop as SIGTERM does; False if none is at work.

    It is asked by a file, and not by a signal: the process may be another user's, or in another
    container, and no number of a process can be mistaken for that of another one.
    """
    if not is_running(folder):
        return False
    (folder / STOP).touch()
    return True


def is_stopping(folder: Path) -> bool:
    """Whether the process at work on the run was asked to stop by `ask_to_stop`."""
    return (folder / STOP).exists() and is_running(folder)


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Prevent `prune` from removing adapters that this process uses to answer, as long as the block
    lasts.

    The lock is on the folder of the adapters, and shared: others may answer too, and the run may go
    on. Raises UserError if something is being removed at this moment.
    """
    adapters = folder / "adapters"
    with suppress(OSError):  # on a read-only disk nothing can be removed either
        adapters.mkdir(exist_ok=True)
    if not adapters.is_dir():
        yield
        return
    handle = os.open(adapters, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{folder}: `self-evolution prune` is at work on this run; wait until it is done"
            ) from None
        yield
    finally:
        os.close(handle)


@contextmanager
def stop_signals(run: Run) -> Iterator[None]:
    """Stop on the first Ctrl-C (or SIGTERM) as soon as that is sound, and at once on the second.

    A model in the midst of a batch gives it up: nothing of it is stored, and it is done anew when
    the run goes on. All other work ends after its batch.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        if run.stop_asked:
            raise KeyboardInterrupt
        run.stop_asked = True
        run.progress.say("\nstopping as soon as possible (Ctrl-C again stops at once)")
        interrupt()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with _stop_file(run.folder):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _stop_file(folder: Path) -> Iterator[None]:
    """Send SIGTERM to the main thread of this process when the file STOP appears."""
    file, ended = folder / STOP, threading.Event()
    main = threading.main_thread().ident

    def look() -> None:
        while not ended.wait(_LOOK):
            if file.exists() and main is not None:
                signal.pthread_kill(main, signal.SIGTERM)
                return

    thread = threading.Thread(target=look, name="stop", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        file.unlink(missing_ok=True)
