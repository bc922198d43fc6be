"""doctor: what is installed and works here, and what to do about the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from self_evolution.errors import UserError
from self_evolution.models.base.memory import memory_bytes
from self_evolution.upkeep.findings import Finding
from self_evolution.upkeep.machine import machine
from self_evolution.upkeep.packages import packages

if TYPE_CHECKING:
    from self_evolution.config import Config


def examine(model: str, folder: Path) -> Iterator[Finding]:
    """Yield all findings; those on `model`, a folder or a hub name, only if it is named.

    Runs go to `folder`. The memory that a model takes is computed for the settings `default`.
    """
    there = list(packages())
    yield from there
    yield from machine(folder)
    if model and not any(one.state == "broken" for one in there):
        yield from _model(model)


def _model(name: str) -> Iterator[Finding]:
    from self_evolution import config
    from self_evolution.models import engines
    from self_evolution.models.base.loading import choose_device, load_tokenizer
    from self_evolution.models.base.location import locate

    settings = config.load("default").changed({"model.name": name})
    try:
        engines.check_engine(settings.model)
        load_tokenizer(settings.model)
    except UserError as error:
        yield Finding("model", "broken", name, str(error).removeprefix(f"--model {name}: "))
        return
    yield Finding("model", "good", f"{name}: tokenizer and chat template are there")
    if choose_device("auto") == "cpu" and Path(locate(name)).is_dir():
        yield _fits(name, settings)


def _fits(name: str, settings: Config) -> Finding:
    from self_evolution.models.base.location import locate
    from self_evolution.models.base.memory import memory, shape
    from self_evolution.models.base.precision import settled

    dtype = settled(settings.model).dtype  # as a run on this machine begins
    needed = memory(shape(Path(locate(name))), settings, dtype, device="cpu").most
    size, limit = memory_bytes()
    detail = (
        f"about {needed / 1e9:.1f} GB are needed in {dtype} (computed), {size / 1e9:.1f} GB are "
        "there"
    )
    if needed < size:
        return Finding("memory for the model", "good", detail)
    rounded = "--model.dtype bfloat16, " if dtype == "float32" else ""
    return Finding(
        "memory for the model",
        "broken",
        f"{detail} {limit}",
        f"take a smaller model, {rounded}a smaller --train.micro-batch, or "
        "--train.checkpointing on",
    )
