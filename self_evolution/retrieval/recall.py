"""Whether the passage that answers a question was among those found."""

from __future__ import annotations

from collections.abc import Sequence

from self_evolution.records import Item
from self_evolution.retrieval.search import Search
from self_evolution.retrieval.terms import terms
from self_evolution.splitting.wording import contained, wording

SHARE = 0.8
"""Of a passage's shingles of three words, so many must be in a fragment that holds it."""

_TERMS, _CANDIDATES = 32, 5


def recall(
    search: Search, item: Item, sources: Sequence[str], shown: Sequence[str]
) -> float | None:
    """100 if a fragment with the item's passage is among `sources` (ids; `shown` are the texts).

    0 if it is not; None if the item has no passage, or no fragment holds all of it.
    """
    passage = item.passage.strip()
    if not passage:
        return None
    if item.fragment_id in sources or any(holds(text, passage) for text in shown):
        return 100.0
    return 0.0 if _is_there(search, passage) else None


def holds(text: str, passage: str) -> bool:
    """Whether `text` is the passage, has it inside, or nearly so."""
    return passage in text or contained(wording(passage).words, wording(text).words) >= SHARE


def _is_there(search: Search, passage: str) -> bool:
    """Whether a fragment holds it: one of those that its own terms, evenly spread, find."""
    known = list(dict.fromkeys(terms(passage)))
    step = max(1.0, len(known) / _TERMS)
    some = [known[int(i * step)] for i in range(min(_TERMS, len(known)))]
    return any(holds(one.text, passage) for one in search.matching(some, _CANDIDATES))
