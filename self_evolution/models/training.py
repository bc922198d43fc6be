"""What training leaves, and the label that its loss ignores."""

from __future__ import annotations

from typing import NamedTuple

IGNORED = -100
"""The label that the loss passes over, as in torch and transformers."""


class Trained(NamedTuple):
    """What training left in its folder. Losses are means per target token, in nats."""

    sha256: str
    examples: int
    steps: int
    first_loss: float
    last_loss: float
