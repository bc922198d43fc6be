"""Whether the passage that answers a question was shown with it, and whether it could be."""

from __future__ import annotations

from collections.abc import Iterable

from self_evolution.records import Fragment, Item
from self_evolution.retrieval.search import Search
from self_evolution.retrieval.terms import spread, terms
from self_evolution.text.wording import contained, wording

SHARE = 0.8
"""A fragment holds a passage if it has at least this share of its shingles of three words."""

_TERMS, _CANDIDATES = 32, 5


def was_shown(item: Item, fragments: Iterable[Fragment]) -> bool:
    """Whether the item's fragment is one of these, or one of them holds its passage."""
    return any(one.id == item.fragment_id or holds(one, item.passage.strip()) for one in fragments)


def is_there(search: Search, item: Item) -> bool:
    """Whether a search could find the passage: its fragment is live, or another one contains it.

    Such another fragment is looked for among the results of a search for the passage's terms.
    """
    if item.fragment_id and search.has(item.fragment_id):
        return True
    passage = item.passage.strip()
    some = spread(list(dict.fromkeys(terms(passage))), _TERMS)
    return any(holds(one, passage) for one in search.matching(some, _CANDIDATES))


def holds(fragment: Fragment, passage: str) -> bool:
    """Whether the fragment equals the passage, or contains all or nearly all of it, with
    headings."""
    text = fragment.titled(fragment.text)
    return passage in text or contained(wording(passage).words, wording(text).words) >= SHARE
