"""The candidates that a strategy chooses from, and the one ranking that strategies share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Scored(NamedTuple):
    """A pair's id and its IFD: mean loss of the answer given the question over that alone.

    `known` is the score, in percent, of the current model's answer with the book closed; None if
    it was not asked.
    """

    id: str
    ifd: float
    known: float | None = None


class Strategy(NamedTuple):
    """A strategy: `choose(pool, k, seed)` gives the chosen ids, at most k of them.

    `uses_k`: whether k means anything to it. `asks`: whether the current model is asked about the
    pool beforehand (stage `recite`).
    """

    choose: Callable[[Sequence[Scored], int, int], list[str]]
    uses_k: bool = True
    asks: bool = False

    def __call__(self, pool: Sequence[Scored], k: int, seed: int) -> list[str]:
        """The ids that are chosen from the pool, in any case not more than all of them."""
        return self.choose(pool, k, seed)


def check(pool: Sequence[Scored], k: int) -> None:
    """Raises ValueError for k < 0, an IFD that is not finite, and an id that stands twice."""
    if k < 0:
        raise ValueError(f"selection: given k={k}, expected 0 or more")
    seen: set[str] = set()
    for item in pool:
        if not math.isfinite(item.ifd):
            raise ValueError(f"selection: the IFD of {item.id!r} is {item.ifd}, expected a number")
        if item.id in seen:
            raise ValueError(f"selection: the id {item.id!r} stands twice, expected unique ids")
        seen.add(item.id)


def ranking(pool: Sequence[Scored]) -> list[str]:
    """The ids of the pool from the highest IFD to the lowest, equal ones by ascending id.

    A total order, so the order of the pool does not matter. The published implementation
    sorts descending and stably, leaving ties in the order of the pool: with ids that ascend
    in that order (zero-padded indices), both rankings are the same.
    """
    return [item.id for item in sorted(pool, key=lambda item: (-item.ifd, item.id))]
