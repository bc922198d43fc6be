"""The states of PyTorch's random numbers, from which dropout draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

States = list[tuple[Callable[[Any], None], Any]]
"""States, each with the function that restores it."""


def states() -> States:
    """The states of the CPU, and of the GPUs if there are any."""
    found: States = [(torch.set_rng_state, torch.get_rng_state())]
    if torch.cuda.is_available():
        found.append((torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all()))
    return found


def restore(kept: States) -> None:
    """Go on as if nothing had been drawn since."""
    for function, state in kept:
        function(state)
