"""Items in clusters, and the means of samples that are drawn from them with replacement."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

# Weights held at a time: 8 bytes each as drawn, counted and multiplied, so about 50 MB.
_WEIGHTS_AT_A_TIME = 2_000_000


class Clusters(NamedTuple):
    """Sums of each column and number of items by cluster: shapes (G, columns) and (G,)."""

    sums: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(
        cls, columns: Sequence[Sequence[float]], clusters: Sequence[Hashable] | None
    ) -> Clusters:
        """Clusters keep the order of their first items, so that equal input gives equal draws."""
        import numpy as np

        table = np.asarray(columns, dtype=np.float64).T
        if table.ndim != 2 or not table.size:
            raise ValueError(f"bootstrap: given shape {table.shape}, expected one or more values")
        if not np.isfinite(table).all():
            row, column = np.argwhere(~np.isfinite(table))[0]
            value = table[row, column]
            raise ValueError(f"bootstrap: value {row} is {value}, expected finite values")
        if clusters is None:
            return cls(table, np.ones(len(table)))
        if len(clusters) != len(table):
            raise ValueError(f"bootstrap: {len(clusters)} clusters for {len(table)} values")
        numbers: dict[Hashable, int] = {}
        places = np.array([numbers.setdefault(key, len(numbers)) for key in clusters])
        sums = np.zeros((len(numbers), table.shape[1]))
        np.add.at(sums, places, table)
        return cls(sums, np.bincount(places).astype(np.float64))

    @property
    def number(self) -> int:
        return len(self.sizes)

    @property
    def items(self) -> int:
        return int(self.sizes.sum())

    @property
    def means(self) -> np.ndarray:
        import numpy as np

        totals = np.array([math.fsum(column) for column in self.sums.T])
        return np.asarray(totals / self.sizes.sum())

    def telling(self, column: int, idle: float | None) -> int:
        """Count the clusters whose mean is not `idle`; at least 2, which a spread needs."""
        import numpy as np

        if idle is None:
            return self.number
        means = self.sums[:, column] / self.sizes
        return max(2, int((np.abs(means - idle) > 1e-9).sum()))

    def jackknife(self) -> tuple[np.ndarray, np.ndarray]:
        """(standard error, acceleration) of each mean, leaving out one cluster at a time.

        The error is that of a ratio (Cochran 1977, 6.4); 0 where all clusters have one mean.
        """
        import numpy as np

        count, total = self.number, self.sizes.sum()
        off = self.sums - self.means * self.sizes[:, None]
        scale = np.abs(self.sums).max(axis=0, initial=0.0)
        alike = np.abs(off).max(axis=0) <= 1e-9 * np.maximum(scale, 1e-300)
        if count == 1 or alike.all():
            return np.zeros(len(alike)), np.zeros(len(alike))
        errors = np.sqrt(count / (count - 1) * (off**2).sum(axis=0)) / total
        without = (self.sums.sum(axis=0) - self.sums) / (total - self.sizes)[:, None]
        pull = without.mean(axis=0) - without
        spread = (pull**2).sum(axis=0) ** 1.5
        safe = np.where(spread > 0, spread, 1.0)
        accelerations = (pull**3).sum(axis=0) / (6 * safe)
        return np.where(alike, 0.0, errors), np.where(alike, 0.0, accelerations)


def replicates(clusters: Clusters, resamples: int, seed: int) -> np.ndarray:
    """Means of `resamples` draws of as many clusters as there are, sorted: (columns, resamples)."""
    import numpy as np

    if resamples < 1:
        raise ValueError(f"bootstrap: given resamples={resamples}, expected 1 or more")
    generator = np.random.default_rng(seed)
    count = clusters.number
    found = np.empty((resamples, clusters.sums.shape[1]))
    rows = max(1, _WEIGHTS_AT_A_TIME // count)
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        draws = generator.integers(count, size=(size, count))
        draws += np.arange(0, size * count, count)[:, None]
        weights = np.bincount(draws.ravel(), minlength=size * count).reshape(size, count)
        weights = weights.astype(np.float64)
        found[start : start + size] = weights @ clusters.sums / (weights @ clusters.sizes)[:, None]
    return np.sort(found.T, axis=1)
