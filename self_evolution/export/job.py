"""The objects of an export: a generation of a run, and its base, which is known before anything is
trained."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from self_evolution.config import Config, Model
from self_evolution.errors import UserError
from self_evolution.models import Generator, engines
from self_evolution.models.adapter import require_adapter
from self_evolution.models.base.location import fetched, locate
from self_evolution.models.training import lora
from self_evolution.run.adapters import adapter_folder
from self_evolution.run.read import RunReader

if TYPE_CHECKING:
    from self_evolution.models.chat_template import Chat

TEMPLATE = "chat_template.jinja"
"""The file with the chat template, in every exported folder."""


@dataclass(frozen=True)
class Base:
    """The base of a run in a folder, and how it is used; `quantisation` is for GGUF."""

    config: Config
    base: Path
    quantisation: str

    @property
    def settings(self) -> Model:
        """The settings of the run's model."""
        return self.config.model

    def chat(self) -> Chat:
        """The tokenizer with the template, as the run puts its questions."""
        from self_evolution.models.base.loading import load_tokenizer
        from self_evolution.models.chat_template import Chat

        settings = self.settings
        return Chat(load_tokenizer(settings), settings.chat_template, settings.thinking, None)


@dataclass(frozen=True)
class Job(Base):
    """A generation to export: its adapter is in a folder, and has this digest."""

    run: RunReader
    generation: int
    adapter: Path
    sha256: str


class Format(Protocol):
    """The module of a format. Importing it is cheap: torch and the like are imported when used."""

    ADDRESS: str
    """Where a server with the export answers, as `usage` starts it; empty if it starts none."""

    def check(self, base: Base) -> int:
        """The bytes of disk that writing takes. Raises UserError if a tool is missing."""

    def foreseen(self, base: Base, folder: Path) -> Iterator[str]:
        """What `faults` will find, as far as the base shows it; writes into the empty `folder`."""

    def write(self, job: Job, folder: Path) -> None:
        """Write all files but the card into the empty `folder`."""

    def faults(self, job: Job, folder: Path) -> Iterator[str]:
        """What is wrong with the files, in words for people that name the cause."""

    def open_model(self, job: Job, folder: Path) -> Generator | None:
        """The model as it was exported; None where nothing in this process can run it."""

    def suspect(self, job: Job) -> str:
        """The likeliest cause of a loss where `faults` found nothing."""

    def usage(self, job: Job, folder: Path) -> str:
        """How the folder is used, as Markdown; `folder` is its final place."""


def again(job: Job, format: str, folder: Path) -> str:
    """The command that exports to this folder, as a person types it."""
    words = ["self-evolution", "export", str(job.run.folder), "--to", format, "-o", str(folder)]
    return shlex.join(words)


def job(run: RunReader, generation: str, quantisation: str) -> Job:
    """The job for a generation of a run: `leader`, or a number.

    Raises UserError if it has no adapter, or if base or adapter are not those of the run.
    """
    number = _generation(run, generation)
    known = {row.generation: row.sha256 for row in run.ledger.training.adapters()}
    folder = adapter_folder(run.folder, number)
    assert folder is not None
    if not (folder / lora.WEIGHTS).is_file() and any(folder.glob("*")):
        raise UserError(
            f"{folder}: no {lora.WEIGHTS}; only adapters in PEFT's format can be exported, which "
            f"--model.engine {run.config.model.engine} does not write"
        )
    require_adapter(folder, lora.WEIGHTS, known[number])
    engines.check_engine(run.config.model)
    if engines.identity(run.config.model) != run.ledger.meta("model"):
        raise UserError(
            f"{run.folder}: the model {run.config.model.name} is not the one that this run began "
            "with, so its adapters do not fit; put the old one back"
        )
    config = run.config
    return Job(config, base_folder(config.model), quantisation, run, number, folder, known[number])


def _generation(run: RunReader, name: str) -> int:
    there = [row.generation for row in run.ledger.training.adapters()]
    if not there:
        raise UserError(
            f"{run.folder}: nothing is trained yet, so there is nothing to export; "
            f"`self-evolution run --run {run.folder}` goes on with the run"
        )
    listed = ", ".join(map(str, there))
    if name == "leader":
        if leader := run.ledger.evaluations.leader():
            return leader
        raise UserError(
            f"{run.folder}: the base leads, because no generation was shown to be better; "
            f"--generation N exports one all the same ({listed} are there)"
        )
    if not name.isdecimal() or int(name) not in there:
        raise UserError(
            f"--generation {name}: no such generation in {run.folder}; expected leader, or one of "
            f"{listed}"
        )
    return int(name)


def base_folder(settings: Model) -> Path:
    """The folder of the base model, also where it came from a hub."""
    located = locate(settings.name)
    if found := fetched(located):
        return found
    raise UserError(f"--model {located}: it is no longer in the hub's cache; fetch it again")
