"""The adapters of a run on disk, one for each generation."""

from __future__ import annotations

from pathlib import Path

from self_evolution.ledger import Ledger
from self_evolution.models import Engine


def adapter_folder(run: Path, generation: int) -> Path | None:
    """The folder of a generation's adapter; None for generation 0, the base."""
    return run / "adapters" / f"gen-{generation}" if generation else None


def known_adapter(run: Path, ledger: Ledger, generation: int) -> tuple[Path | None, str]:
    """The folder of a generation's adapter, and its digest in the ledger (or an empty text)."""
    known = {row.generation: row.sha256 for row in ledger.training.adapters()}
    return adapter_folder(run, generation), known.get(generation, "")


def use_generation(engine: Engine, run: Path, ledger: Ledger, generation: int) -> None:
    """Make a generation's model the engine's current one; 0 is the base.

    Raises UserError if the adapter on disk is not the one that the ledger knows.
    """
    engine.set_adapter(*known_adapter(run, ledger, generation))
