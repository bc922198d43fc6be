"""Reading a run: its settings, rows and search, without a lock and without writing anything.

This works while another process writes the run, and on a read-only disk. The only files that may
appear are SQLite's own, `run.db-shm` and `run.db-wal`. The one exception is a run made by an
earlier version: its ledger is migrated first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path

from self_evolution import config
from self_evolution.config import Config
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.prompts import Prompts
from self_evolution.retrieval import Search, has_index


def no_run(folder: Path) -> UserError:
    """The error for a folder without a run."""
    return UserError(f"{folder}: no run here; `self-evolution run DOCS… --run {folder}`")


class RunReader:
    """A run to read from, by any number of threads; each has a connection of its own.

    Each query sees the present state. `snapshot` makes all queries of one thread see one moment.
    """

    def __init__(self, folder: Path) -> None:
        """Raises UserError if there is no run."""
        if not (folder / "run.db").is_file():
            raise no_run(folder)
        self.folder = folder
        self._ledgers: dict[threading.Thread, Ledger] = {}
        self._lock = threading.Lock()

    @cached_property
    def config(self) -> Config:
        """The settings at the first call. Raises UserError if there are none yet."""
        settings = self.ledger.meta("settings")
        if settings is None:
            raise UserError(f"{self.folder}: the run has not begun; `self-evolution run` begins it")
        return config.parse(settings, str(self.folder))

    @cached_property
    def prompts(self) -> Prompts:
        """The prompts for the run's model."""
        return Prompts(self.config.domain)

    @property
    def ledger(self) -> Ledger:
        """The read-only ledger of the calling thread. It is closed together with this object."""
        thread = threading.current_thread()
        with self._lock:
            if thread not in self._ledgers:
                for ended in [one for one in self._ledgers if not one.is_alive()]:
                    self._ledgers.pop(ended).close()
                self._ledgers[thread] = Ledger(self.folder / "run.db", read_only=True)
            return self._ledgers[thread]

    @property
    def search(self) -> Search:
        """The search of the calling thread. Raises UserError if the run has no index yet."""
        ledger = self.ledger
        if not has_index(ledger):
            raise UserError(
                f"{self.folder}: its fragments are not indexed, so nothing can be searched for; "
                f"`self-evolution split {self.folder}` does that"
            )
        return Search(ledger)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Make all that this thread reads inside the block see one moment.

        Keep it short: as long as it lasts, rows that a writer adds stay in `run.db-wal`, which
        grows.
        """
        with self.ledger.snapshot():
            yield

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for ledger in self._ledgers.values():
                ledger.close()
            self._ledgers.clear()


@contextmanager
def read_run(folder: Path) -> Iterator[RunReader]:
    """Open the run in `folder` as it is now, for a command that makes several queries.

    Code that runs longer than a command, or reads in several threads, uses a `RunReader`. Raises
    UserError if there is no run, or if it has not begun.
    """
    with closing(RunReader(folder)) as run, run.snapshot():
        _ = run.config  # so that a run without settings is refused here
        yield run
