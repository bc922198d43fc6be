"""How sure a number is: intervals of means, paired differences, many comparisons at once."""

from self_evolution.statistics.comparisons import NO_DIFFERENCE, Change, holm, paired
from self_evolution.statistics.intervals import (
    PERCENT,
    RESAMPLES,
    Distribution,
    Interval,
    bootstrap,
    distributions,
)

__all__ = [
    "NO_DIFFERENCE",
    "PERCENT",
    "RESAMPLES",
    "Change",
    "Distribution",
    "Interval",
    "bootstrap",
    "distributions",
    "holm",
    "paired",
]
