"""Runs held against each other: the same questions, paired, with intervals."""

from self_evolution.experiments.comparison.rows import Row, Values, rows
from self_evolution.experiments.comparison.runs import Comparison, compare
from self_evolution.experiments.comparison.sides import Side, asked_alike, rival_sides, side

__all__ = [
    "Comparison",
    "Row",
    "Side",
    "Values",
    "asked_alike",
    "compare",
    "rival_sides",
    "rows",
    "side",
]
