"""A run: its folder, settings, ledger and models."""

from self_evolution.run.run import Run

__all__ = ["Run"]
