"""The statistics of scores: intervals of means, paired differences, several comparisons at once."""

from self_evolution.evaluation.statistics.comparisons import (
    NO_DIFFERENCE,
    PairedDifference,
    adjusted,
    format_difference,
    format_mean,
    format_p,
    holm,
    paired,
)
from self_evolution.evaluation.statistics.intervals import (
    FEW_CLUSTERS,
    PERCENT,
    RESAMPLES,
    Distribution,
    Interval,
    bootstrap,
    distributions,
    unseen,
)
from self_evolution.evaluation.statistics.power import detectable
from self_evolution.evaluation.statistics.preferences import Duel, Preference, preference
from self_evolution.evaluation.statistics.ratios import Ratio, ratio

__all__ = [
    "FEW_CLUSTERS",
    "NO_DIFFERENCE",
    "PERCENT",
    "RESAMPLES",
    "Distribution",
    "Duel",
    "Interval",
    "PairedDifference",
    "Preference",
    "Ratio",
    "adjusted",
    "bootstrap",
    "detectable",
    "distributions",
    "format_difference",
    "format_mean",
    "format_p",
    "holm",
    "paired",
    "preference",
    "ratio",
    "unseen",
]
