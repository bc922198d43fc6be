"""The strategy that replays what the current model does not know yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from self_evolution.strategies.sampled import sampled
from self_evolution.strategies.scored import ScoredPair, checked

KNOWN = 50.0
"""A pair counts as known if the model's answer to it scores more than this, in percent."""

KEPT = 0.1
"""The share of k that goes to known pairs, so that they are not forgotten."""


def mastery(pool: Iterable[ScoredPair], k: int, seed: int) -> list[str]:
    """Exactly k ids (the whole pool if it is smaller): mostly missed pairs, and a few known ones.

    Missed pairs come first, then those that the model was not asked about, then known ones. Within
    each of these the choice is random, because breadth teaches more than difficulty.
    """
    missed: list[ScoredPair] = []
    known: list[ScoredPair] = []

    def others() -> Iterator[ScoredPair]:
        """The pairs that the model was not asked about; they are nearly all pairs."""
        for item in checked(pool, k):
            if item.known is None:
                yield item
            else:
                (missed if item.known <= KNOWN else known).append(item)

    unasked = sampled(others(), k, seed)
    kept = set(first := sampled(known, round(KEPT * k), seed))
    order = [*_shuffled(missed, seed), *unasked, *_shuffled(known, seed)]
    return [*[id for id in order if id not in kept][: k - len(kept)], *first]


def _shuffled(items: Sequence[ScoredPair], seed: int) -> list[str]:
    return sampled(items, len(items), seed)
