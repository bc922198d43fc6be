"""Logistic regression on a few numbers, and how often answers like this one were right."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

PENALTY, STEPS = 1.0, 25
"""The penalty on the squares of the weights, and Newton steps, of which some ten are enough."""
LEAST = 0.1
"""The least spread: a number that hardly varies must not decide by small differences."""
FOLDS = 5
NEAREST = 50
"""The number of answers that a reliability is counted over, where there are so many."""


Range = tuple[float, float]
"""The least and the greatest value that a number can take."""


class Model(NamedTuple):
    """The chance of a right answer is 1 / (1 + exp(-score)).

    The score is bias + weights · (numbers - mean) / spread.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def chances(self, rows: Sequence[Sequence[float]]) -> list[float]:
        """The chance of each of N rows of numbers."""
        import numpy as np

        scaled = (np.array(rows, dtype=float) - self.mean) / self.spread
        return [float(one) for one in _sigmoid(scaled @ np.array(self.weights) + self.bias)]

    def highest(self, ranges: Sequence[Range]) -> float:
        """The highest chance of numbers that lie in these ranges."""
        best = [
            high if weight > 0 else low
            for (low, high), weight in zip(ranges, self.weights, strict=True)
        ]
        return self.chances([best])[0]


class Reliability(NamedTuple):
    """Of `n` answers of known truth that were like this one, `share` were right (0 to 1)."""

    share: float
    n: int


def fit(rows: Sequence[Sequence[float]], right: Sequence[bool]) -> Model:
    """The model of N rows of numbers by Newton's method, with a penalty on the weights."""
    import numpy as np

    numbers, truth = np.array(rows, dtype=float), np.array(right, dtype=float)
    mean, spread = numbers.mean(0), np.maximum(numbers.std(0), LEAST)
    design = np.column_stack([(numbers - mean) / spread, np.ones(len(numbers))])
    penalty = np.diag([*[PENALTY] * numbers.shape[1], 1e-6])
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = _sigmoid(design @ weights)
        slope = design.T @ (chance - truth) + penalty @ weights
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + penalty
        weights = weights - np.linalg.solve(curve, slope)
    return Model(_floats(mean), _floats(spread), _floats(weights[:-1]), float(weights[-1]))


def cross_fitted(
    rows: Sequence[Sequence[float]], right: Sequence[bool], clusters: Sequence[Hashable]
) -> list[float]:
    """The chance of each row by a model that has seen no row of its cluster.

    There must be FOLDS clusters or more.
    """
    order = {cluster: place for place, cluster in enumerate(dict.fromkeys(clusters))}
    folds = [order[cluster] % FOLDS for cluster in clusters]
    found = [0.0] * len(rows)
    for fold in set(folds):
        inside = [i for i, one in enumerate(folds) if one == fold]
        outside = [i for i, one in enumerate(folds) if one != fold]
        model = fit([rows[i] for i in outside], [right[i] for i in outside])
        for i, chance in zip(inside, model.chances([rows[i] for i in inside]), strict=True):
            found[i] = chance
    return found


def reliability(known: Sequence[tuple[float, bool]], chance: float) -> Reliability | None:
    """Count over the NEAREST answers of known truth by their chance; None if there is none."""
    near = sorted(known, key=lambda one: abs(one[0] - chance))[:NEAREST]
    return Reliability(sum(right for _, right in near) / len(near), len(near)) if near else None


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, values))


def _sigmoid(values: np.ndarray) -> np.ndarray:
    import numpy as np

    result: np.ndarray = 1 / (1 + np.exp(-np.clip(values, -35, 35)))
    return result
