"""Strategies that read the ranking by IFD. All give ids from the hardest to the easiest."""

from __future__ import annotations

from collections.abc import Sequence

from self_evolution.strategies.scored import ScoredPair, check, ranking


def hard(pool: Sequence[ScoredPair], k: int, seed: int) -> list[str]:
    """The k pairs with the highest IFD scores; of pairs with equal scores, those with the lowest
    ids."""
    check(pool, k)
    return ranking(pool)[:k]


def easy(pool: Sequence[ScoredPair], k: int, seed: int) -> list[str]:
    """The k pairs with the lowest IFD scores, still in the order from the hardest to the easiest.

    As in the published method, these are the last k of the ranking that `hard` begins. So of pairs
    with equal scores, those with the *highest* ids are taken. And of n pairs, the k of `hard` and
    the n - k of `easy` have none in common.
    """
    check(pool, k)
    return ranking(pool)[max(0, len(pool) - k) :]


def even(pool: Sequence[ScoredPair], k: int, seed: int) -> list[str]:
    """Exactly k pairs (the whole pool if it is smaller), evenly spaced over the ranking.

    Of n pairs it takes the ranks floor(i * n / k) for i in 0..k-1, so the hardest is among them.
    The published method takes every (n // k)th pair. This gives the same if k divides n, and
    otherwise up to 2k - 1 pairs.
    """
    check(pool, k)
    ids = ranking(pool)
    k = min(k, len(ids))
    return [ids[index * len(ids) // k] for index in range(k)]


def everything(pool: Sequence[ScoredPair], k: int, seed: int) -> list[str]:
    """The whole pool, whatever k."""
    check(pool, k)
    return ranking(pool)


def nothing(pool: Sequence[ScoredPair], k: int, seed: int) -> list[str]:
    """No item, whatever k."""
    check(pool, k)
    return []
