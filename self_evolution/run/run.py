"""The context that every stage gets: the run's folder, settings, ledger and models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from self_evolution import rollback
from self_evolution.config import Config
from self_evolution.errors import Stopped
from self_evolution.ledger import Ledger, Queue
from self_evolution.models import Engine
from self_evolution.models.jobs import Job
from self_evolution.progress import Progress
from self_evolution.prompts import Prompts
from self_evolution.retrieval import Search, update_index
from self_evolution.rollback import Start
from self_evolution.run.adapters import adapter_folder, known_adapter, use_generation
from self_evolution.run.batches import Batches
from self_evolution.run.models import Models
from self_evolution.run.proof import Proof
from self_evolution.schedule import stage_seed

Result = TypeVar("Result")


class Run:
    """A run that this process works on (`self_evolution.run.open.open_run` locks it).

    `stop_asked` is set when the user wants the run to stop. With `read_again`, the stage `read`
    tries files again that could not be read before.
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
        self.models = Models(config, ledger, progress, engine)
        self.search = Search(ledger, remember=True)
        self.proof = Proof(folder, config, ledger, self.prompts, progress)
        self.stop_asked = False
        self.read_again = False

    @property
    def engine(self) -> Engine:
        """The run's own model, loaded at first use."""
        return self.models.own

    def adapter(self, generation: int) -> Path | None:
        """The folder of a generation's adapter; None for generation 0, the base."""
        return adapter_folder(self.folder, generation)

    def use(self, generation: int) -> None:
        """Switch the engine to a generation's model; 0 is the base.

        Raises UserError if the adapter on disk is not the one that the ledger knows, or if the
        server that generates does not use it.
        """
        use_generation(self.engine, self.folder, self.ledger, generation)
        self.proof.prove(self.engine, generation)

    def start(self, generation: int) -> Start:
        """Return the generation to start from and the training settings, after any rollback."""
        return rollback.start(self.config, generation, self.ledger.evaluations.leader())

    def update_index(self) -> None:
        """Bring the search index up to date with the documents. Raises Stopped if asked to."""
        update_index(self.ledger, self.progress, self.raise_if_stopped)
        self.search = Search(self.ledger, remember=True)

    def batches(
        self,
        stage: str,
        generation: int,
        unit: str,
        queue: Queue,
        size: int,
        label: str = "",
        title: str = "",
    ) -> Batches:
        """The batches of the tasks that are left, as (ids, seeds). The caller commits each as a
        whole.

        The queue is made by `ledger.queue`. Its batches depend on all tasks and not on those that
        are left, so an interrupted run continues exactly as it would have. A seed depends on the id
        and the settings alone. `label` distinguishes the rounds of a stage: another label makes
        other seeds. `title` is shown to people in place of the label. Raises Stopped after a
        committed batch if the user asked to stop.
        """
        name = title or label or stage
        if generation:
            name = f"gen {generation} {name}" if generation > 0 else f"rival {-generation} {name}"
        return Batches(
            queue,
            size,
            stage_seed(self.config, stage, generation, label),
            lambda: self.progress.bar(name, unit, queue.total, queue.done),
            self.models.begin_batch,
            self.raise_if_stopped,
        )

    def work(self, jobs: Iterator[Job[Result]], generation: int) -> Iterator[Result]:
        """Do jobs with the run's own model and the adapter of `generation`; yield the results in
        order.

        If the settings name a cluster, the jobs go there, and a few are taken in advance.
        """
        if cluster := self.models.cluster:
            adapter = known_adapter(self.folder, self.ledger, generation)
            yield from cluster.work(jobs, *adapter)
            return
        for job in jobs:
            self.use(generation)
            yield job(self.engine)

    def raise_if_stopped(self) -> None:
        """Raises Stopped if the user asked to stop."""
        if self.stop_asked:
            raise Stopped
