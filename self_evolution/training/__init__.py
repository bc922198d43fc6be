"""LoRA adapters and the trainer."""

from __future__ import annotations

from typing import NamedTuple

from self_evolution.training.adapter import require_adapter
from self_evolution.training.reporting import check_report_to

__all__ = ["IGNORED", "Trained", "check_report_to", "require_adapter"]

IGNORED = -100
"""The label that the loss passes over, as in torch and transformers."""


class Trained(NamedTuple):
    """What training left in its folder. Losses are means per target token, in nats."""

    sha256: str
    examples: int
    steps: int
    first_loss: float
    last_loss: float
