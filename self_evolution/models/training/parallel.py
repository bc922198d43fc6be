"""How many processes train, and how much of the base each of them holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, NamedTuple

from self_evolution.config import Config
from self_evolution.errors import UserError
from self_evolution.models.base import memory
from self_evolution.models.base.loading import choose_device
from self_evolution.models.base.location import locate


class Parallel(NamedTuple):
    """How training is shared. `kind` is `none` if one process trains, the process of the run."""

    kind: Literal["none", "ddp", "fsdp"]
    processes: int

    def __str__(self) -> str:
        held = "a part of the base (FSDP2)" if self.kind == "fsdp" else "the whole model (DDP)"
        return f"{self.processes} processes, each with {held}"


ALONE = Parallel("none", 1)


def choose(settings: Config) -> Parallel:
    """Choose how many processes train on this machine, and what each of them holds.

    Raises UserError if the machine does not have what the settings ask for.
    """
    kind, wanted = settings.train.parallel, settings.train.processes
    if kind == "none":
        if wanted > 1:
            raise UserError(
                f"--train.parallel none: it trains in one process, and --train.processes {wanted} "
                "asks for more; leave one of them out"
            )
        return ALONE
    device = choose_device(settings.model.device)
    there = _devices(device)
    processes = wanted or (there if device == "cuda" else 1)
    if processes == 1:
        if kind != "auto":
            raise UserError(
                f"--train.parallel {kind}: it needs two processes or more, and here is one device; "
                "give their number with --train.processes, or --train.parallel auto"
            )
        return ALONE
    if processes > there:
        raise UserError(
            f"--train.processes {processes}: on {device} there can be {there} at most, one for "
            "each device; give a smaller number, or 0"
        )
    if kind == "fsdp" and settings.model.quantize != "none":
        raise UserError(
            f"--train.parallel fsdp: weights of --model.quantize {settings.model.quantize} cannot "
            "be divided; give --train.parallel ddp, or leave --model.quantize out"
        )
    if kind == "auto":
        kind = "ddp" if _fits(settings, device, processes) else "fsdp"
    return Parallel(kind, processes)


def _devices(device: str) -> int:
    """The most processes that may train: one for each GPU, and on a CPU one for each core."""
    if device == "cuda":
        import torch

        return torch.cuda.device_count()
    return os.cpu_count() or 1 if device == "cpu" else 1


def _fits(settings: Config, device: str, processes: int) -> bool:
    """Whether each process can hold the whole model, as far as this can be computed here."""
    if settings.model.quantize != "none":
        return True
    try:
        shape = memory.shape(Path(locate(settings.model.name)))
    except UserError:
        return True
    dtype = settings.model.dtype if settings.model.dtype in memory.BYTES else "bfloat16"
    room = memory.room(device) / (processes if device == "cpu" else 1)
    return memory.memory(shape, settings, dtype).training < memory.FILLED * room
