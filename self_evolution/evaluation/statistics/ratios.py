"""The ratio of the mean scores of two models on the same items."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from self_evolution.evaluation.statistics.intervals import (
    FEW_CLUSTERS,
    PERCENT,
    RESAMPLES,
    Distribution,
    Range,
    bootstrap,
)
from self_evolution.evaluation.statistics.resampling import Clusters, replicates

NOT_ABOVE_ZERO = "the reference's mean is not shown to be above 0"
NO_UPPER_END = "the reference's mean is so near 0 that the ratio has no upper end"


class Ratio(NamedTuple):
    """`value` with its interval, of n items; all three are None where `undefined` says why."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    undefined: str = ""

    @property
    def shown(self) -> bool:
        """Whether the interval leaves 1 out: the means differ."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high


def ratio(
    scores: Sequence[float],
    reference: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> Ratio:
    """The mean of `scores` divided by the mean of `reference`, on the same items in one order.

    Whole clusters are drawn, and both means are of the same draw. The ratio minus 1 is a mean of
    differences in which the clusters' sums of the reference take the place of their sizes. So
    `Distribution` gives its interval (BCa), as cautiously as that of means. Below FEW_CLUSTERS,
    Student's interval of the logarithm is used, because a ratio is skewed (with six clusters it
    contains the true value in about 93% of cases instead of 95%). The ratio is undefined if the
    reference's own interval reaches 0. Raises ValueError as `bootstrap` does.
    """
    if len(scores) != len(reference):
        raise ValueError(f"ratio: {len(scores)} scores against {len(reference)}")
    below = bootstrap(reference, clusters, resamples=resamples, seed=seed, level=level)
    if below.mean <= 0 or below.low <= 0:
        return Ratio(None, None, None, below.n, NOT_ABOVE_ZERO)
    both = Clusters.of([scores, reference], clusters)
    beyond = Clusters(both.sums[:, :1] - both.sums[:, 1:], both.sums[:, 1])
    low, high = _ends(beyond, PERCENT[1] / below.mean, resamples, seed, level)
    if not math.isfinite(high):
        return Ratio(None, None, None, below.n, NO_UPPER_END)
    return Ratio(1 + float(beyond.means[0]), low, high, below.n)


def _ends(beyond: Clusters, highest: float, resamples: int, seed: int, level: float) -> Range:
    """Return the ends of the interval; `highest` is the ratio of a model that gets all items
    right."""
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):  # a draw may leave the reference with 0
        errors, accelerations = beyond.jackknife()
        error, value, count = float(errors[0]), 1 + float(beyond.means[0]), beyond.number
        if error and value and count < FEW_CLUSTERS:
            return _students(beyond, value, highest, level)
        drawn = replicates(beyond, resamples, seed)[0]
        drawn = drawn[~np.isnan(drawn)]  # nothing over nothing is no ratio
        one = Distribution(
            value - 1,
            count,
            count,
            beyond.telling(0, idle=0.0),
            error,
            float(accelerations[0]),
            drawn,
            bounds=(-1.0, highest - 1),
        )
        _, low, high, _ = one.interval(level)
    return max(0.0, 1 + low), math.inf if math.isnan(high) else 1 + high


def _students(beyond: Clusters, value: float, highest: float, level: float) -> Range:
    """Return Student's interval of the logarithm; its error is the jackknife's over clusters.

    Where one cluster has all successes, nothing is known: the ends are those of the range.
    """
    import numpy as np
    from scipy.special import stdtrit

    count, sums, sizes = beyond.number, beyond.sums[:, 0], beyond.sizes
    without = np.log1p((sums.sum() - sums) / (sizes.sum() - sizes))
    error = math.sqrt((count - 1) / count * float(((without - without.mean()) ** 2).sum()))
    if not math.isfinite(error):
        return 0.0, highest
    reach = float(stdtrit(count - 1, (1 + level) / 2)) * error
    return value * math.exp(-reach), value * math.exp(reach)
