"""The candidates that a strategy chooses from, and the one ranking that strategies share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple


class ScoredPair(NamedTuple):
    """The id of a pair and its IFD score.

    `known` is the score, in percent, of the current model's answer with the book closed; None if
    it was not asked.
    """

    id: str
    ifd: float
    known: float | None = None


class Strategy(NamedTuple):
    """`choose(pool, k, seed)` returns the chosen ids: at most k, if the strategy uses k.

    The pool has each id once. It is read once, because it may have millions of pairs.

    `asks`: whether the current model is asked about the pool beforehand (stage `recite`).
    """

    choose: Callable[[Iterable[ScoredPair], int, int], list[str]]
    uses_k: bool = True
    asks: bool = False


def checked(pool: Iterable[ScoredPair], k: int) -> Iterator[ScoredPair]:
    """The pairs of the pool. Raises ValueError for k < 0, an IFD that is not finite, and an id that
    occurs twice."""
    if k < 0:
        raise ValueError(f"selection: given k={k}, expected 0 or more")
    return _checked(pool)


def _checked(pool: Iterable[ScoredPair]) -> Iterator[ScoredPair]:
    seen: set[str] = set()
    for item in pool:
        if not math.isfinite(item.ifd):
            raise ValueError(f"selection: the IFD of {item.id!r} is {item.ifd}, expected a number")
        if item.id in seen:
            raise ValueError(f"selection: the id {item.id!r} stands twice, expected unique ids")
        seen.add(item.id)
        yield item


def rank(item: ScoredPair) -> tuple[float, str]:
    """The key of the ranking from the highest IFD to the lowest, equal ones by ascending id.

    No two pairs have the same place, so the order of the pool does not matter. The published
    implementation leaves pairs with equal scores in the order of the pool. If the ids ascend in
    that order (such as zero-padded numbers), both rankings are the same.
    """
    return -item.ifd, item.id


def ranking(pool: Iterable[ScoredPair], k: int) -> list[str]:
    """The ids of the whole pool in the order of `rank`. Raises ValueError as `checked` does."""
    return [item.id for item in sorted(checked(pool, k), key=rank)]
