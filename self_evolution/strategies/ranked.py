"""Strategies that read the ranking by IFD. All give ids from the hardest to the easiest."""

from __future__ import annotations

from collections.abc import Sequence

from self_evolution.strategies.scored import ScoredPair, check, ranking


def hard(pool: Sequence[ScoredPair], k: int, seed: int) -> list[str]:
    """The k highest IFD; of equal ones, those with the lowest ids."""
    check(pool, k)
    return ranking(pool)[:k]


def easy(pool: Sequence[ScoredPair], k: int, seed: int) -> list[str]:
    """The k lowest IFD, still from the hardest to the easiest.

    As published, these are the last k of the same descending ranking. So of pairs with equal IFD
    those with the *highest* ids are taken, and `hard` of k and `easy` of n - k pairs have none in
    common.
    """
    check(pool, k)
    return ranking(pool)[max(0, len(pool) - k) :]


def even(pool: Sequence[ScoredPair], k: int, seed: int) -> list[str]:
    """Exactly k (the whole pool if it is smaller), evenly spaced over the ranking.

    Of n, ranks floor(i * n / k) for i in 0..k-1, the hardest among them. The published stride
    n // k gives the same where k divides n, and up to 2k - 1 items where it does not.
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
