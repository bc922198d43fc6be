"""The number format of the weights, if `model.dtype` is `auto` and the model is on a CPU.

It is settled once, when a run begins, and kept in the run's recipe: a run that is continued on
another machine computes in the same way.
"""

from __future__ import annotations

import time
from pathlib import Path

from self_evolution.config import Model
from self_evolution.models.base.location import locate

SMALL_BYTES = 1 << 26
"""Weights of up to 64 MiB stay in float32: they gain little, and lose what a tie decides."""

GAIN = 1.5
"""bfloat16 is taken only if matrix products are at least this many times as fast with it."""


def settled(settings: Model) -> Model:
    """The settings with which a run begins on this machine."""
    from self_evolution.models.base.loading import choose_device

    if settings.dtype != "auto" or choose_device(settings.device) != "cpu":
        return settings
    weights = [path.stat().st_size for path in Path(locate(settings.name)).glob("*.safetensors")]
    small = bool(weights) and sum(weights) <= SMALL_BYTES
    dtype = "bfloat16" if not small and bfloat16_pays() else "float32"
    return settings.model_copy(update={"dtype": dtype})


def bfloat16_pays() -> bool:
    """Whether this CPU has instructions for bfloat16, and PyTorch is faster with them."""
    import torch

    if not _supported():
        return False
    best = dict.fromkeys((torch.float32, torch.bfloat16), float("inf"))
    for _ in range(5):  # in turns, so that other work on the machine slows both
        for dtype in best:
            one = torch.ones(256, 1024, dtype=dtype)
            other = torch.ones(1024, 1024, dtype=dtype)
            start = time.perf_counter()
            one @ other
            best[dtype] = min(best[dtype], time.perf_counter() - start)
    return best[torch.float32] > GAIN * best[torch.bfloat16]


def remark(settings: Model) -> str:
    """A sentence for the user if this CPU has no instructions for the number format; else an empty
    text."""
    from self_evolution.models.base.loading import choose_device

    if settings.dtype != "bfloat16" or choose_device(settings.device) != "cpu" or _supported():
        return ""
    return (
        "this processor has no instructions for bfloat16, so it computes more slowly than in "
        "float32; a new run with --model.dtype auto takes the faster one"
    )


def _supported() -> bool:
    import torch

    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
