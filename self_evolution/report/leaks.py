"""What the report says of leaks: pairs that were stopped, and scores far from what was trained."""

from __future__ import annotations

from dataclasses import dataclass

from self_evolution.ledger import Ledger
from self_evolution.report.apart import Apart, apart


@dataclass(frozen=True, slots=True)
class Leaks:
    """`stopped` pairs of all generations; `near` sets apart the questions that resemble one

    that the candidate was trained on.
    """

    stopped: int
    near: Apart


def leaks(ledger: Ledger, metric: str, candidate: int) -> Leaks:
    stopped = sum(n for _, reason, n in ledger.pairs.reasons() if reason == "in_evaluation")
    return Leaks(stopped, apart(ledger, metric, candidate, ledger.items.near(candidate)))
