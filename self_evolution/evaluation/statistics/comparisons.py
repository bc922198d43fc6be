"""Two models on the same items, and many such comparisons at once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from self_evolution.evaluation.statistics.intervals import RESAMPLES, distributions

Key = TypeVar("Key")

NO_DIFFERENCE = "no difference shown"
"""What is said of every difference whose interval holds 0, in these words."""

CHANGE = (-100.0, 100.0)
"""The range of a difference of two scores."""


class Change(NamedTuple):
    """Mean of the paired differences with its interval and two-sided p-value; n items."""

    mean: float
    low: float
    high: float
    n: int
    p: float

    @property
    def shown(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


class Gap(NamedTuple):
    """A difference among several; `p` is adjusted (Holm) for all of them."""

    change: Change
    p: float

    @property
    def different(self) -> bool:
        return self.change.shown and self.p < 0.05

    @property
    def verdict(self) -> str:
        if not self.different:
            return NO_DIFFERENCE
        return "higher" if self.change.mean > 0 else "lower"


def paired(
    before: Sequence[float],
    after: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> Change:
    """`after` minus `before`, scores of the same items in the same order, in points."""
    if len(before) != len(after):
        raise ValueError(f"paired: {len(before)} scores against {len(after)}")
    gaps = [new - old for old, new in zip(before, after, strict=True)]
    (one,) = distributions(
        [gaps], clusters, resamples=resamples, seed=seed, bounds=CHANGE, idle=0.0
    )
    return Change(*one.interval(level), one.p_value())


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given (Holm 1979).

    Comparisons whose adjusted p is below 5% are all different, but for a chance of 5% that any
    one of them is not.
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = highest
    return adjusted


def gaps(changes: Mapping[Key, Change]) -> dict[Key, Gap]:
    """The same with their p-values adjusted for one another."""
    adjusted = holm([change.p for change in changes.values()])
    return {key: Gap(one, p) for (key, one), p in zip(changes.items(), adjusted, strict=True)}
