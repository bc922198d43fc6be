"""Confidence intervals by the bootstrap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

# Draws held at a time: with 8 bytes of index and 8 of value each, 32 MB at most for samples of
# up to two million.
_DRAWS_AT_A_TIME = 2_000_000


class Interval(NamedTuple):
    """A mean with its confidence interval, all in the unit of the values, and their number."""

    mean: float
    low: float
    high: float
    n: int


def bootstrap(
    values: Sequence[float], *, resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> Interval:
    """Mean of `values` with its percentile bootstrap interval (Efron 1979) at `level`.

    The same values, settings and seed give the same interval. Raises ValueError for no values,
    for a value that is not finite, for resamples < 1 and for a level outside (0, 1).
    """
    import numpy as np

    if resamples < 1 or not 0 < level < 1:
        raise ValueError(
            f"bootstrap: given resamples={resamples}, level={level}; "
            "expected resamples >= 1 and 0 < level < 1"
        )
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or not sample.size:
        raise ValueError(f"bootstrap: given shape {sample.shape}, expected one or more values")
    if not np.isfinite(sample).all():
        place = int(np.flatnonzero(~np.isfinite(sample))[0])
        raise ValueError(f"bootstrap: value {place} is {sample[place]}, expected finite values")
    generator = np.random.default_rng(seed)
    means = np.empty(resamples)
    rows = max(1, _DRAWS_AT_A_TIME // sample.size)
    for start in range(0, resamples, rows):
        stop = min(start + rows, resamples)
        draws = generator.integers(sample.size, size=(stop - start, sample.size))
        means[start:stop] = sample[draws].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    mean = math.fsum(sample.tolist()) / sample.size
    return Interval(mean, float(low), float(high), sample.size)
