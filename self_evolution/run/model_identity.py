"""The identity of the model that a run began with."""

from __future__ import annotations

from self_evolution.ledger import Ledger
from self_evolution.models.other_models import identity


def base_identity(ledger: Ledger) -> str:
    """Return the identity of the run's model in the form in which models are compared."""
    return identity(ledger.meta("model") or {}, ledger.meta("revision") or "")
