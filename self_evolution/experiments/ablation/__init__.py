"""Ablation: the same run in several variants and with several seeds, compared."""

from self_evolution.experiments.ablation.making import Match, make
from self_evolution.experiments.ablation.results import Results, gather
from self_evolution.experiments.ablation.variants import Variant, variants

__all__ = ["Match", "Results", "Variant", "gather", "make", "variants"]
