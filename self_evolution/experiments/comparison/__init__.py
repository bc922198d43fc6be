"""The comparison of runs: differences on the same questions, paired, with intervals."""

from self_evolution.experiments.comparison.rows import Row, Scores, common_scores, rows
from self_evolution.experiments.comparison.runs import NOTHING_COMMON, Comparison, compare
from self_evolution.experiments.comparison.sides import Side, asked_alike, rival_sides, side

__all__ = [
    "NOTHING_COMMON",
    "Comparison",
    "Row",
    "Scores",
    "Side",
    "asked_alike",
    "common_scores",
    "compare",
    "rival_sides",
    "rows",
    "side",
]
