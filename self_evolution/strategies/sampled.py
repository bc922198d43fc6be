"""The strategy that chooses at random."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable

from self_evolution.strategies.scored import ScoredPair, checked


def sampled(pool: Iterable[ScoredPair], k: int, seed: int) -> list[str]:
    """Return k random ids, in the order drawn; they depend on the ids, k and the seed alone.

    The number of an id is the SHA-256 of seed and id, and the k lowest are chosen. Unlike the
    standard library's generator this gives the same result on every version of Python. A smaller k
    gives a prefix of a larger one, and adding or removing an id does not reorder the others.
    """

    def lot(identifier: str) -> tuple[bytes, str]:
        text = f"{seed}\0{identifier}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).digest(), identifier

    return heapq.nsmallest(k, (item.id for item in checked(pool, k)), lot)
