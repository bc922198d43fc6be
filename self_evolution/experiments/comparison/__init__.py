"""Runs held against each other: the same questions, paired, with intervals."""

from self_evolution.experiments.comparison.rows import Row, Values, rows, values
from self_evolution.experiments.comparison.runs import NOTHING_COMMON, Comparison, compare
from self_evolution.experiments.comparison.sides import Side, asked_alike, rival_sides, side

__all__ = [
    "NOTHING_COMMON",
    "Comparison",
    "Row",
    "Side",
    "Values",
    "asked_alike",
    "compare",
    "rival_sides",
    "rows",
    "side",
    "values",
]
