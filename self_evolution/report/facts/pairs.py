"""A few training pairs to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from self_evolution.ledger import Ledger

KEPT, REJECTED_A_REASON = 8, 2
"""Pairs shown of a generation: those kept, and those rejected for each reason."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Pairs of a generation: kept ones from the hardest to the easiest, rejected ones by reason."""

    generation: int
    kept: list[dict[str, Any]]
    rejected: list[dict[str, Any]]


def samples(ledger: Ledger, generations: Sequence[int]) -> list[Samples]:
    """For the first and the last of the generations that have pairs."""
    return [
        Samples(
            generation,
            ledger.sample_pairs(generation, KEPT),
            ledger.sample_rejected(generation, REJECTED_A_REASON),
        )
        for generation in sorted({*generations[:1], *generations[-1:]})
    ]
