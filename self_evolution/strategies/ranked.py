"""Strategies that read the ranking by IFD. All give ids from the hardest to the easiest."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from self_evolution.strategies.scored import ScoredPair, checked, rank, ranking


def hard(pool: Iterable[ScoredPair], k: int, seed: int) -> list[str]:
    """The k pairs with the highest IFD scores; of pairs with equal scores, those with the lowest
    ids."""
    return [item.id for item in heapq.nsmallest(k, checked(pool, k), rank)]


def easy(pool: Iterable[ScoredPair], k: int, seed: int) -> list[str]:
    """The k pairs with the lowest IFD scores, still in the order from the hardest to the easiest.

    As in the published method, these are the last k of the ranking that `hard` begins. So of pairs
    with equal scores, those with the *highest* ids are taken. And of n pairs, the k of `hard` and
    the n - k of `easy` have none in common.
    """
    return [item.id for item in reversed(heapq.nlargest(k, checked(pool, k), rank))]


def even(pool: Iterable[ScoredPair], k: int, seed: int) -> list[str]:
    """Exactly k pairs (the whole pool if it is smaller), evenly spaced over the ranking.

    Of n pairs it takes the ranks floor(i * n / k) for i in 0..k-1, so the hardest is among them.
    The published method takes every (n // k)th pair. This gives the same if k divides n, and
    otherwise up to 2k - 1 pairs.
    """
    ids = ranking(pool, k)
    k = min(k, len(ids))
    return [ids[index * len(ids) // k] for index in range(k)]


def everything(pool: Iterable[ScoredPair], k: int, seed: int) -> list[str]:
    """The whole pool, whatever k."""
    return ranking(pool, k)


def nothing(pool: Iterable[ScoredPair], k: int, seed: int) -> list[str]:
    """No item, whatever k."""
    for _ in checked(pool, k):
        pass
    return []
