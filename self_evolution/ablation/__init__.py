"""Ablation: the same run in several variants and with several seeds, compared."""

from self_evolution.ablation.making import Match, make
from self_evolution.ablation.results import Results, gather
from self_evolution.ablation.variants import Variant, variants

__all__ = ["Match", "Results", "Variant", "gather", "make", "variants"]
