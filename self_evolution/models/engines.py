"""The table of engines, which run models. docs/how-to-add-an-engine.md explains how to add one."""

from __future__ import annotations

import importlib
from typing import Protocol, cast

from self_evolution.config import Config, Model
from self_evolution.errors import UserError, nearest
from self_evolution.models.base.memory import Shape
from self_evolution.models.protocols import Capability, Engine, Generator, require
from self_evolution.models.tokens import TokenCounter
from self_evolution.models.training.parallel import ALONE, Parallel, choose

ENGINES = {
    "scripted": "self_evolution.models.scripted",
    "transformers": "self_evolution.models.pretrained",
}
"""The values of `model.engine`, each with the module that has the functions of `EngineModule`.

Another model goes to the first engine that opens its name.
"""


class EngineModule(Protocol):
    """The module of an engine. Importing it is cheap: torch and the like are imported by
    `open_model`."""

    CAPABILITIES: frozenset[Capability]

    def opens(self, name: str) -> bool:
        """Whether this engine opens other models (`--against`, `--judge`) with this name."""

    def check(self, settings: Model) -> None:
        """Raises UserError if the model could not be opened later; loads nothing."""

    def identity(self, settings: Model) -> dict[str, str]:
        """{file: digest} by which a run recognises its model."""

    def settled(self, settings: Config) -> Config:
        """The settings for this machine, in which nothing is left open that changes results or
        memory."""

    def shape(self, settings: Model) -> Shape | None:
        """The sizes from which the memory of the model is computed; None if it needs no memory
        worth counting."""

    def open_counter(self, settings: Model) -> TokenCounter:
        """The lengths of texts in the model's tokens, without loading the model."""

    def open_model(self, settings: Model) -> Generator:
        """Load the model; with the capabilities `scoring` and `training` it is an `Engine`."""


def engine_module(name: str) -> EngineModule:
    """Raises UserError if there is no engine of that name."""
    if name not in ENGINES:
        raise UserError(f"--model.engine {name}: no such engine; {nearest(name, list(ENGINES))}")
    return cast(EngineModule, importlib.import_module(ENGINES[name]))


def engine_for(model: str) -> str:
    """The first engine that can open the model of this name. Raises UserError if none can."""
    for name in ENGINES:
        if engine_module(name).opens(model):
            return name
    raise UserError(f"--model {model}: no engine opens it; the engines are {', '.join(ENGINES)}")


def check(settings: Model, *needed: Capability) -> None:
    """Raises UserError if the model could not be opened later, or lacks what is `needed`."""
    module = engine_module(settings.engine)
    served: tuple[Capability, ...] = ("served",) if settings.generator else ()
    require(f"--model.engine {settings.engine}", module.CAPABILITIES, *needed, *served)
    module.check(settings)


def check_engine(settings: Model) -> None:
    """Raises UserError if the model cannot be that of a run."""
    check(settings, "scoring", "training")


def identity(settings: Model) -> dict[str, str]:
    """{file: digest} by which a run recognises its model."""
    return engine_module(settings.engine).identity(settings)


def settled(settings: Config) -> Config:
    """The settings with which a run begins on this machine, and goes on anywhere."""
    return engine_module(settings.model.engine).settled(settings)


def parallel(settings: Config) -> Parallel:
    """How many processes share the training. Raises UserError if that cannot be had here."""
    model, train = settings.model, settings.train
    declared = engine_module(model.engine).CAPABILITIES
    if train.processes > 1 or train.parallel in ("ddp", "fsdp"):
        require(f"--model.engine {model.engine}", declared, "sharing")
    return choose(settings) if "sharing" in declared else ALONE


def shape(settings: Model) -> Shape | None:
    """The sizes from which the memory of the model is computed; None if it needs no memory worth
    counting."""
    return engine_module(settings.engine).shape(settings)


def open_counter(settings: Model) -> TokenCounter:
    """The lengths of texts in the model's tokens. Raises UserError if there is no such model."""
    return engine_module(settings.engine).open_counter(settings)


def open_generator(settings: Model) -> Generator:
    """Load a model that only generates. Raises UserError if that is not possible."""
    check(settings)
    return engine_module(settings.engine).open_model(_here(settings))


def open_engine(settings: Model, served: bool = False) -> Engine:
    """Load the model of a run. Raises UserError if that is not possible.

    With `served`, the server that `model.generator` names generates in its place.
    """
    check_engine(settings)
    own = settings if served else _here(settings)
    return cast(Engine, engine_module(settings.engine).open_model(own))


def _here(settings: Model) -> Model:
    return settings.model_copy(update={"generator": ""})
