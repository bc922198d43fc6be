"""Which model a run began with."""

from __future__ import annotations

from self_evolution.ledger import Ledger
from self_evolution.models.other_models import identity


def base_identity(ledger: Ledger) -> str:
    """The identity of the run's own model, to be compared with that of another."""
    return identity(ledger.meta("model") or {}, ledger.meta("revision") or "")
