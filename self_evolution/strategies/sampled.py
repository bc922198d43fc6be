"""The strategy that chooses by lot."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from self_evolution.strategies.scored import Scored, check


def sampled(pool: Sequence[Scored], k: int, seed: int) -> list[str]:
    """k ids by lot, in the order drawn: a function of the ids, k and the seed alone.

    Each id draws the number SHA-256 of seed and id, and the k lowest win. Unlike the standard
    library's generator this is the same on every version of Python; a smaller k gives a prefix
    of a larger one, and an item that leaves or joins the pool moves no other.
    """
    check(pool, k)

    def lot(identifier: str) -> tuple[bytes, str]:
        text = f"{seed}\0{identifier}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).digest(), identifier

    return sorted((item.id for item in pool), key=lot)[:k]
