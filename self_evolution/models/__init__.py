"""Who runs the model. `open_engine` makes the one that the settings name."""

from __future__ import annotations

import importlib

from self_evolution.config import Model
from self_evolution.models import weights
from self_evolution.models.counting import Counter, open_counter
from self_evolution.models.protocols import Engine, Reply, Sampling, Speaker, Who

# name: "module:class"; the module is imported when the engine is opened, because torch is slow.
ENGINES = {
    "transformers": "self_evolution.models.resident:ResidentEngine",
    "scripted": "self_evolution.models.scripted:ScriptedEngine",
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
