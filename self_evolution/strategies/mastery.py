"""The strategy that replays what the current model does not know yet."""

from __future__ import annotations

from collections.abc import Sequence

from self_evolution.strategies.sampled import sampled
from self_evolution.strategies.scored import ScoredPair, check

KNOWN = 50.0
"""A pair counts as known if the model's answer to it scores more than this, in percent."""

KEPT = 0.1
"""The share of k that goes to known pairs, so that they are not forgotten."""


def mastery(pool: Sequence[ScoredPair], k: int, seed: int) -> list[str]:
    """Exactly k ids (the whole pool if it is smaller): mostly missed pairs, and a few known ones.

    Missed pairs come first, then those that the model was not asked about, then known ones. Within
    each of these the choice is random, because breadth teaches more than difficulty.
    """
    check(pool, k)
    missed = [item for item in pool if item.known is not None and item.known <= KNOWN]
    known = [item for item in pool if item.known is not None and item.known > KNOWN]
    unasked = [item for item in pool if item.known is None]
    kept = sampled(known, round(KEPT * k), seed)
    order = [*_shuffled(missed, seed), *_shuffled(unasked, seed), *_shuffled(known, seed)]
    return [*[id for id in order if id not in set(kept)][: k - len(kept)], *kept]


def _shuffled(items: Sequence[ScoredPair], seed: int) -> list[str]:
    return sampled(items, len(items), seed)
