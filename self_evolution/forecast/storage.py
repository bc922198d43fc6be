"""The memory and the disk that a run takes, computed from the shape of its model."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from self_evolution.config import Config, Model
from self_evolution.models import engines
from self_evolution.models.base.loading import choose_device
from self_evolution.models.base.memory import (
    BYTES,
    Memory,
    Shape,
    adapter_weights,
    memory,
    memory_bytes,
    room,
)
from self_evolution.models.training.job import SOFT_NUMBERS
from self_evolution.run import Run

LEDGER = 500_000
"""Bytes of an empty ledger, with all its tables and indexes, and of the report."""

ROWS = 4
"""The ledger is some four times as large as the texts in it: indexes, a search index, ids."""

BYTES_A_TOKEN = 4
"""Bytes of text for each token that a model writes."""


@cache
def shape_of(model: Model) -> Shape | None:
    """The shape of the run's model; None for one that takes no memory."""
    return engines.shape(model)


def needed(settings: Config) -> Memory:
    """Bytes for generating and for training; 0 for a model that takes none.

    They are those of one device; processes that train on a CPU share its memory.
    """
    shape = shape_of(settings.model)
    if shape is None:
        return Memory(0, 0)
    # Where the format is that of the model's files, it is nearly always one of 16 bits.
    dtype = settings.model.dtype if settings.model.dtype in BYTES else "bfloat16"
    plan = engines.parallel(settings)
    device = choose_device(settings.model.device)
    parts = plan.processes if plan.kind == "fsdp" else 1
    found = memory(shape, settings, dtype, parts, device)
    if device == "cpu":
        found = found._replace(training=plan.processes * found.training)
    return found


def soft_targets(settings: Config, answers: float) -> int:
    """Bytes of memory for the soft targets of so many tokens of answers; each process has all.

    They are in main memory, so on a GPU they take nothing of the device.
    """
    if settings.train.objective != "distill" or choose_device(settings.model.device) != "cpu":
        return 0
    return int(engines.parallel(settings).processes * BYTES["float32"] * SOFT_NUMBERS * answers)


def there(device: str) -> tuple[float, str]:
    """Bytes of memory that the run may take on its device, and what limits them."""
    return memory_bytes() if device == "cpu" else (room(device), "of the device")


def disk(settings: Config, run: Run, written: float) -> int:
    """Bytes of the run's folder: the ledger, an adapter for each generation, one checkpoint.

    `written` is the number of tokens that models write.
    """
    texts = sum(size for _, size in run.ledger.fragments.for_training()) + written
    return int(LEDGER + ROWS * BYTES_A_TOKEN * texts + _adapters(settings))


def _adapters(settings: Config) -> float:
    shape = shape_of(settings.model)
    if shape is None:
        return 0.0
    one = adapter_weights(shape, settings.train) * BYTES["float32"]
    checkpoint = 3 * one if settings.train.checkpoint_steps else 0
    return settings.generations * one + checkpoint


def free_in(folder: Path) -> int:
    """Bytes that are free where a run in `folder` would be."""
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(place).free


def size(count: float) -> str:
    """Bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
