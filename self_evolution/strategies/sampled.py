"""The strategy that chooses at random."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from self_evolution.strategies.scored import ScoredPair, check


def sampled(pool: Sequence[ScoredPair], k: int, seed: int) -> list[str]:
    """Return k random ids, in the order drawn; they depend on the ids, k and the seed alone.

    The number of an id is the SHA-256 of seed and id, and the k lowest are chosen. Unlike the
    standard library's generator this gives the same result on every version of Python. A smaller k
    gives a prefix of a larger one, and adding or removing an id does not reorder the others.
    """
    check(pool, k)

    def lot(identifier: str) -> tuple[bytes, str]:
        text = f"{seed}\0{identifier}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).digest(), identifier

    return sorted((item.id for item in pool), key=lot)[:k]
