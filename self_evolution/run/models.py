"""The model in memory: the run's own model or another one, but never both."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from self_evolution.config import Config
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.models import Engine, open_engine, other_models
from self_evolution.models.base.precision import remark
from self_evolution.models.cluster.cluster import Cluster
from self_evolution.models.endpoint.address import is_address
from self_evolution.models.endpoint.keys import refuse_shared_key
from self_evolution.models.engines import open_counter, shape
from self_evolution.models.other_models import TEACHER, OtherModel
from self_evolution.models.tokens import TokenCounter
from self_evolution.progress import Progress, interruptible


class Models:
    """The models that a run's settings name; each is loaded when it is first needed.

    `loaded` is the run's own model while it is in memory, else None.
    """

    def __init__(
        self, config: Config, ledger: Ledger, progress: Progress, loaded: Engine | None = None
    ) -> None:
        self._config, self._ledger, self._progress = config, ledger, progress
        self._counter: TokenCounter | None = None
        self._teacher: OtherModel | None = None
        self.loaded = loaded
        self._while_loading: Callable[[], AbstractContextManager[None]] = nullcontext
        self._cluster: Cluster | None = None

    @property
    def own(self) -> Engine:
        """The run's own model. It is loaded again if another model was loaded instead."""
        if self.loaded is None:
            self._teacher = None
            self._progress.say(f"loading {self._config.model.name}")
            _free_memory()
            with self._while_loading(), interruptible():
                engine = open_engine(self._config.model, served=True)
            said = remark(self._config.model)
            if said and shape(self._config.model):  # it has weights, and so a number format
                self._progress.print_once(said)
            self.use_loaded(engine)
        assert self.loaded is not None
        return self.loaded

    @contextmanager
    def loading_in(self, context: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
        """Each model that is loaded in the block is loaded in a context of its own."""
        before, self._while_loading = self._while_loading, context
        try:
            yield
        finally:
            self._while_loading = before

    @property
    def cluster(self) -> Cluster | None:
        """The machines that do the jobs of the run's own model; None if none are named."""
        if self._cluster is None and self._config.cluster.address:
            self._cluster = Cluster(self._config, self.own, self._progress.say)
        return self._cluster

    def close_cluster(self) -> None:
        """Leave the cluster, if it was used."""
        if self._cluster:
            self._cluster.close()
            self._cluster = None

    def begin_batch(self) -> None:
        """Let the run's own model, if it is in memory, forget what it read for earlier batches."""
        if self.loaded:
            self.loaded.begin_batch()

    def use_loaded(self, engine: Engine) -> None:
        """Use this loaded model as the run's own. It must be the model that the settings name.

        Raises UserError if its revision is not the one that the run began with.
        """
        known = self._ledger.meta("revision")
        if known is None:
            self._ledger.set_meta("revision", engine.revision)
        elif known != engine.revision:
            raise UserError(
                f"{self._config.model.name} is now revision {engine.revision}, the run began with "
                f"{known}: start a new run, or name a folder with the old one"
            )
        engine.begin_batch()  # the batch that it was loaded for
        self.loaded = engine

    def unload(self) -> None:
        """Give the memory of the run's own model to other processes; it is loaded again later."""
        if self.loaded is not None:
            self.loaded.close()
        self.loaded = self._counter = self._teacher = None
        _free_memory()

    def open_other(self, name: str, flag: str) -> OtherModel:
        """Open the other model that setting `flag` names, for as long as the caller keeps it.

        The run's own model is unloaded if the other one is loaded in this process.
        """
        settings = self._config.evaluate
        refuse_shared_key([*settings.against, settings.judge, self._config.ask.teacher, name])
        self._progress.print_once(other_models.notice(name, flag))
        if not is_address(name):
            self.loaded = self._counter = self._teacher = (
                None  # each of them holds a model in memory
            )
            self._progress.say(f"loading {name}")
            _free_memory()
        with self._while_loading(), interruptible():
            return other_models.open_model(self._config.model, name, flag)

    @property
    def teacher(self) -> OtherModel | None:
        """The model that asks and answers in place of the run's own; None if none is named.

        A teacher that is loaded in this process stays in memory until another model is needed.
        """
        name = self._config.ask.teacher
        if name and self._teacher is None:
            self._teacher = self.open_other(name, TEACHER)
        return self._teacher

    @property
    def count(self) -> TokenCounter:
        """Count the tokens of texts as the run's own model does, without loading its weights."""
        if self._counter is None:
            self._counter = self.loaded.count if self.loaded else open_counter(self._config.model)
        return self._counter


def _free_memory() -> None:
    """Free the memory of models that are no longer used, on the device too."""
    gc.collect()
    if "torch" in sys.modules:
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()
