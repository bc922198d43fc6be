"""Means with their confidence intervals: the bootstrap over clusters, BCa.

Items that share a document are not independent, so whole clusters are drawn, not items (Davison and
Hinkley 1997, 3.8). The interval is bias-corrected and accelerated (Efron 1987), with its normal
quantile z widened to sqrt(K / (K - 1)) times Student's t with K - 1 degrees of freedom (Hesterberg
2015, "What teachers should know about the bootstrap", 5.3): plain bootstrap intervals are too
narrow for few clusters. K is the number of clusters G. For differences between two models most
clusters are 0; then only the others are counted for the end that is nearer to 0, because only they
show the spread. With all counted, two equal models that differ in 4 of 200 answers are called
different in 9 of 100 cases. In two cases the bootstrap says nothing; `Distribution` describes them.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from self_evolution.evaluation.statistics.resampling import Clusters, replicates

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 10_000
FEW_CLUSTERS = 10
"""With fewer clusters than this, the interval is Student's, not the bootstrap's."""

PERCENT = (0.0, 100.0)
"""The range of a score; that of a difference of two is (-100, 100)."""

Range = tuple[float, float]


class Interval(NamedTuple):
    """A mean with its confidence interval, all in the unit of the values, and their number."""

    mean: float
    low: float
    high: float
    n: int


class Distribution(NamedTuple):
    """The distribution of a mean. `replicates`: sorted means of the resamples; `telling`: K.

    Below FEW_CLUSTERS, resamples can hardly leave the range of the clusters' own means, so
    Student's t with the clusters' standard error is used (Cameron, Gelbach and Miller 2008). If all
    clusters are alike, no resample shows another value. The interval is then that of an event that
    no cluster shows (Clopper and Pearson 1934; at 95% about 3.7 / G): that share of the clusters
    may lie anywhere in `bounds`. Without bounds the interval has no width.
    """

    mean: float
    n: int
    clusters: int
    telling: int
    error: float
    acceleration: float
    replicates: np.ndarray
    bounds: Range | None

    def interval(self, level: float = 0.95) -> Interval:
        return Interval(self.mean, *self._ends((1 - level) / 2), self.n)

    def _ends(self, tail: float) -> Range:
        from scipy.special import ndtr, stdtrit

        if self.error == 0:
            return self._unseen(tail)
        if self.clusters < FEW_CLUSTERS:
            reach = float(stdtrit(self.clusters - 1, 1 - tail)) * self.error
            return self._within(self.mean - reach, self.mean + reach)
        import numpy as np

        shares = []
        for sign in (-1, 1):
            counted = self.telling if sign * self.mean <= 0 else self.clusters
            z = float(stdtrit(counted - 1, 1 - tail)) * _widening(counted)
            shares.append(float(ndtr(self._corrected(sign * z))))
        low, high = np.quantile(self.replicates, shares)
        return float(low), float(high)

    def p_value(self, null: float = 0.0) -> float:
        """Two-sided: the level at which the interval just reaches `null`."""
        from scipy.special import ndtri, stdtr

        if self.error == 0:
            return self._p_unseen(null)
        if self.clusters < FEW_CLUSTERS:
            tail = float(stdtr(self.clusters - 1, (null - self.mean) / self.error))
            return min(1.0, 2 * min(tail, 1 - tail))
        share = self._share_beyond(null)
        if self._inside(share) != share:
            return 1 / self.replicates.size
        corrected = float(ndtri(share)) - self._bias()
        z = corrected / (1 + self.acceleration * corrected) - self._bias()
        tail = float(stdtr(self.telling - 1, z / _widening(self.telling)))
        return min(1.0, 2 * min(tail, 1 - tail))

    def _shares(self, value: float) -> Range:
        """Return the share of the replicates below `value`, and the share not above it."""
        import numpy as np

        slack = 1e-9 * max(1.0, abs(self.mean))
        below = np.searchsorted(self.replicates, value - slack, "left")
        not_above = np.searchsorted(self.replicates, value + slack, "right")
        return below / self.replicates.size, not_above / self.replicates.size

    def _share_beyond(self, null: float) -> float:
        """The share of replicates beyond `null`. Replicates that equal `null` count in its
        favour."""
        below, not_above = self._shares(null)
        return not_above if null < self.mean else below

    def _bias(self) -> float:
        """z0 of Efron 1987; replicates that equal the mean count half."""
        from scipy.special import ndtri

        return float(ndtri(self._inside(sum(self._shares(self.mean)) / 2)))

    def _inside(self, share: float) -> float:
        """Keep `share` off 0 and 1, because a finite number of resamples cannot show an impossible
        or a certain event."""
        edge = 0.5 / self.replicates.size
        return min(max(share, edge), 1 - edge)

    def _corrected(self, z: float) -> float:
        moved = self._bias() + z
        scale = 1 - self.acceleration * moved
        return self._bias() + moved / scale if scale > 0 else math.copysign(math.inf, z)

    def _within(self, low: float, high: float) -> Range:
        if self.bounds is None:
            return low, high
        return max(low, self.bounds[0]), min(high, self.bounds[1])

    def _unseen(self, tail: float) -> Range:
        if self.bounds is None:
            return self.mean, self.mean
        share = unseen(self.clusters, tail) / 100
        lowest, highest = self.bounds
        return self.mean - share * (self.mean - lowest), self.mean + share * (highest - self.mean)

    def _p_unseen(self, null: float) -> float:
        gap = null - self.mean
        if gap == 0 or self.bounds is None:
            return float(gap == 0)
        room = self.bounds[gap > 0] - self.mean
        share = gap / room if room else math.inf
        return min(1.0, 2 * (1 - share) ** self.clusters) if share < 1 else 0.0


def unseen(clusters: int, tail: float = 0.025) -> float:
    """Return the percentage of clusters that may be affected although none of the sample is.

    It is the upper end of Clopper and Pearson's interval: no smaller loss can be excluded.
    """
    return float(100 * (1 - tail ** (1 / clusters)))


def _widening(clusters: int) -> float:
    return math.sqrt(clusters / (clusters - 1))


def distributions(
    columns: Sequence[Sequence[float]],
    clusters: Sequence[Hashable] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    bounds: Range | None = PERCENT,
    idle: float | None = None,
) -> list[Distribution]:
    """The distribution of the mean of each column. All columns belong to the same items and share
    their resamples.

    `clusters` names the cluster of each item; None makes every item its own. Clusters whose mean
    is `idle` do not count in K. Raises ValueError for no values, for a value that is not finite,
    and for resamples < 1.
    """
    grouped = Clusters.of(columns, clusters)
    errors, accelerations = grouped.jackknife()
    drawn = replicates(grouped, resamples, seed) if errors.any() else None
    return [
        Distribution(
            float(mean),
            grouped.items,
            grouped.number,
            grouped.telling(i, idle),
            float(errors[i]),
            float(accelerations[i]),
            grouped.sums[:0, 0] if drawn is None else drawn[i],
            bounds,
        )
        for i, mean in enumerate(grouped.means)
    ]


def bootstrap(
    values: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
    bounds: Range | None = PERCENT,
) -> Interval:
    """Mean of `values` with its interval at `level`, which must lie in (0, 1).

    The same values, clusters, settings and seed give the same interval.
    """
    if not 0 < level < 1:
        raise ValueError(f"bootstrap: given level={level}, expected 0 < level < 1")
    (one,) = distributions([values], clusters, resamples=resamples, seed=seed, bounds=bounds)
    return one.interval(level)
