"""A run: its folder, settings, ledger and model, and the one mechanism by which stages work."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from self_evolution.config import Config
from self_evolution.errors import Stopped, UserError
from self_evolution.ledger import Ledger
from self_evolution.models import Engine, open_engine, other_models
from self_evolution.models.endpoint_address import is_address
from self_evolution.models.endpoint_keys import refuse_shared_key
from self_evolution.models.engines import open_counter
from self_evolution.models.other_models import OtherModel
from self_evolution.models.tokens import TokenCounter
from self_evolution.progress import Progress
from self_evolution.prompts import Prompts
from self_evolution.records import seed_of
from self_evolution.retrieval import Search

Task = tuple[str, int]
"""The id of something to do, and its length (any unit): like lengths go into a batch together."""


class Run:
    """What a stage is given. One process at a time has a run (`locked`).

    `loaded` is the model, once it was needed.
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        ledger: Ledger,
        progress: Progress,
        engine: Engine | None = None,
    ) -> None:
        self.folder = folder
        self.config = config
        self.ledger = ledger
        self.progress = progress
        self.prompts = Prompts(config.domain)
        self.stop_asked = False
        self.read_again = False
        self.loaded = engine
        self._counter: TokenCounter | None = None

    @cached_property
    def search(self) -> Search:
        """The search over all fragments; what it found is kept for the next generation."""
        return Search(self.ledger, self.progress)

    @property
    def engine(self) -> Engine:
        """The resident model, loaded at first use, and again after a guest was in its place."""
        if self.loaded is None:
            self.progress.say(f"loading {self.config.model.name}")
            _collect()
            self.borrow(open_engine(self.config.model))
        assert self.loaded is not None
        return self.loaded

    def guest(self, name: str, flag: str) -> OtherModel:
        """Another model, named by the setting `flag`, for as long as the caller keeps it.

        For one that is loaded here the run's own is given up first, and loaded again at next use:
        the memory need never hold two.
        """
        settings = self.config.evaluate
        refuse_shared_key([*settings.against, settings.judge, name])
        self.progress.say_once(other_models.notice(name, flag))
        if not is_address(name):
            self.loaded = self._counter = None  # both hold the model
            self.progress.say(f"loading {name}")
            _collect()
        return other_models.open_model(self.config.model, name, flag)

    def borrow(self, engine: Engine) -> None:
        """Use this model, which another run may have loaded; `config` must name the same one.

        Raises UserError if its revision is not the one that the run began with.
        """
        revision = engine.revision
        known = self.ledger.meta("revision")
        if known is None:
            self.ledger.set_meta("revision", revision)
        elif known != revision:
            raise UserError(
                f"{self.config.model.name} is now revision {revision}, the run began with "
                f"{known}: start a new run, or name a folder with the old one"
            )
        self.loaded = engine

    @property
    def count(self) -> TokenCounter:
        """Lengths of texts in the model's tokens; its weights are not loaded for that."""
        if self._counter is None:
            self._counter = self.loaded.count if self.loaded else open_counter(self.config.model)
        return self._counter

    def adapter(self, generation: int) -> Path | None:
        """The folder of a generation's adapter; None for generation 0, the base."""
        return self.folder / "adapters" / f"gen-{generation}" if generation else None

    def use(self, generation: int) -> None:
        """Make a generation's model the engine's current one; 0 is the base.

        Raises UserError if the adapter on disk is not the one that the ledger knows.
        """
        known = {row.generation: row.sha256 for row in self.ledger.training.adapters()}
        self.engine.set_adapter(self.adapter(generation), known.get(generation, ""))

    def parent(self, generation: int) -> int:
        """The generation whose model asks for this one, and is trained further."""
        return self.ledger.evaluations.leader() if self.config.promote.rollback else generation - 1

    def setbacks(self, generation: int) -> int:
        """How many generations were rolled back since the leader that this one starts from."""
        return generation - 1 - self.parent(generation)

    def batches(
        self,
        stage: str,
        generation: int,
        unit: str,
        tasks: Sequence[Task],
        done: set[str],
        size: int,
        label: str = "",
    ) -> Iterator[tuple[list[str], int]]:
        """(ids still to do, seed) of each batch of `tasks`; the caller commits it as one.

        Which ids share a batch, and its seed, follow from all the tasks and not from what is left,
        so a run that was interrupted goes on exactly as it would have. Raises Stopped after a
        committed batch if the person asked for it.
        """
        ordered = [id for id, _ in sorted(tasks, key=lambda task: (task[1], task[0]))]
        there = sum(id in done for id in ordered)
        name = label or stage
        if generation:
            name = f"gen {generation} {name}" if generation > 0 else f"rival {-generation} {name}"
        if there == len(ordered):
            return
        with self.progress.bar(name, unit, len(ordered), there) as bar:
            for start in range(0, len(ordered), size):
                batch = ordered[start : start + size]
                missing = [id for id in batch if id not in done]
                if not missing:
                    continue
                yield missing, seed_of(self.config.seed, stage, generation, label, batch)
                bar.advance(len(missing))
                self.heed_stop()

    def heed_stop(self) -> None:
        if self.stop_asked:
            raise Stopped


def _collect() -> None:
    """Have the memory of models that nobody uses any longer given back, the device's too."""
    gc.collect()
    if "torch" in sys.modules:
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run's folder for this process. Raises UserError if another one has it.

    The lock is on the folder itself: it leaves no file, and goes with the process.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{folder}: another process is at work on this run; wait for it, stop it, or give "
                "another --run"
            ) from None
        yield
    finally:
        os.close(handle)
