"""Who runs the model. `open_engine` makes the one that the settings name."""

from __future__ import annotations

import importlib

from self_evolution.config import Model
from self_evolution.engines import weights
from self_evolution.engines.base import Engine, Reply, Sampling, Speaker, Who
from self_evolution.engines.counting import Counter, open_counter

# name: "module:class"; the module is imported when the engine is opened, because torch is slow.
ENGINES = {
    "transformers": "self_evolution.engines.resident:ResidentEngine",
    "scripted": "self_evolution.engines.scripted:ScriptedEngine",
}

__all__ = [
    "ENGINES",
    "Counter",
    "Engine",
    "Reply",
    "Sampling",
    "Speaker",
    "Who",
    "open_counter",
    "open_engine",
]


def open_engine(settings: Model) -> Engine:
    """Load the model that `settings` name. Raises UserError where that cannot be done."""
    weights.require_here(settings)  # before the engine's module imports what may call the network
    module, _, name = ENGINES[settings.engine].partition(":")
    engine: Engine = getattr(importlib.import_module(module), name)(settings)
    return engine
