"""The process on a cluster that holds an engine. It runs where Ray puts it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import socket
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from self_evolution import meter
from self_evolution.config import Model
from self_evolution.errors import UserError
from self_evolution.models import engines
from self_evolution.models.jobs import Job
from self_evolution.models.protocols import Engine

ALIKE = ("self-evolution", "torch", "transformers", "tokenizers", "peft", "safetensors")
"""Packages whose versions must be the same everywhere, because results depend on them."""


class Adapter(NamedTuple):
    """The files of an adapter, as they are sent to other machines, with its digest."""

    sha256: str
    files: dict[str, bytes]


class Done(NamedTuple):
    """The result of a job and what it took (tokens, CPU time, memory); or a mistake of the user."""

    result: Any
    tokens: int = 0
    cpu_seconds: float = 0.0
    memory: int = 0
    mistake: str = ""


class Introduction(NamedTuple):
    """Where an actor is, and all that must be the same there: versions, model and template."""

    node: str
    facts: dict[str, str]
    mistake: str = ""


def facts(settings: Model, engine: Engine) -> dict[str, str]:
    """Return what results depend on, each by a name that people understand: the versions of Python
    and packages, the digests of the model's files, and the ids of a rendered prompt."""
    known = {"Python": platform.python_version()}
    known |= {name: importlib.metadata.version(name) for name in ALIKE}
    known |= {f"{file} of the model": digest for file, digest in engines.identity(settings).items()}
    ids = engine.prompt_ids([{"role": "user", "content": "Which value does 4711 have?"}])
    return known | {"the chat template's token ids": " ".join(map(str, ids))}


class Actor:
    """Holds an engine and does one job after the other with it.

    A mistake of the user is returned, and not raised: to do the job again would not help.
    """

    def __init__(self, settings: Model) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self._sha256 = ""

    def introduce(self) -> Introduction:
        """Load the model."""
        node = f"{socket.gethostname()} (process {os.getpid()})"
        try:
            self._engine = engines.open_engine(self._settings)
            return Introduction(node, facts(self._settings, self._engine))
        except UserError as error:
            return Introduction(node, {}, str(error))

    def answer(self) -> None:
        """Show that this actor is there."""

    def do(self, job: Job[Any], adapter: list[Any], sha256: str) -> Done:
        """Do a job with the adapter of that digest; `adapter` holds Ray's reference to its files.

        It is fetched only where another one is in memory; without a digest it is the base.
        """
        assert self._engine is not None  # `introduce` came first
        tokens, cpu = meter.tokens(), meter.cpu_seconds()
        try:
            self._use(adapter, sha256)
            self._engine.begin_batch()
            found = job(self._engine)
        except UserError as error:
            return Done(None, mistake=str(error))
        return Done(found, meter.tokens() - tokens, meter.cpu_seconds() - cpu, meter.memory())

    def _use(self, adapter: list[Any], sha256: str) -> None:
        assert self._engine is not None
        if sha256 == self._sha256:
            return
        self._sha256 = ""
        self._engine.set_adapter(None)
        if sha256:
            import ray

            sent: Adapter = ray.get(adapter[0])
            # The engine reads it into memory, and tells adapters apart by the name of the folder.
            with tempfile.TemporaryDirectory(prefix="self-evolution-") as folder:
                for name, content in sent.files.items():
                    (Path(folder) / name).write_bytes(content)
                self._engine.set_adapter(Path(folder), sha256)
            self._sha256 = sha256
