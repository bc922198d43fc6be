"""Where a passage stands in the documents, for a person who wants to read it there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from self_evolution.ledger import Ledger
from self_evolution.records import Fragment
from self_evolution.retrieval import Search, asked, fragment_terms

_LINES, _CHARACTERS = 2, 200


class Source(NamedTuple):
    """A fragment with its place; `page` is None where the document has no pages.

    `opening` is the beginning of its text, on one line. `shared` are the terms of the text that
    was searched for that the fragment has; it is empty where these were not asked for.
    """

    fragment_id: str
    document: str
    heading: tuple[str, ...]
    page: int | None
    opening: str
    shared: tuple[str, ...] = ()


def sources(ledger: Ledger, ids: Sequence[str]) -> list[Source]:
    """The sources of fragments, in the order of their ids."""
    fragments = ledger.fragments.get(ids)
    paths = ledger.documents.paths([one.document_id for one in fragments])
    return [
        Source(one.id, path, one.heading, one.page, _opening(one.text))
        for one, path in zip(fragments, paths, strict=True)
    ]


def related(ledger: Ledger, search: Search, text: str, limit: int) -> list[Source]:
    """At most `limit` fragments nearest to a text, the best first, with the terms they share."""
    found = search.find(text, limit)
    places = sources(ledger, [one.id for one in found])
    wanted = asked(text)
    return [
        place._replace(shared=_shared(wanted, fragment))
        for place, fragment in zip(places, found, strict=True)
    ]


def _shared(wanted: Sequence[str], fragment: Fragment) -> tuple[str, ...]:
    there = set(fragment_terms(fragment))
    return tuple(term for term in wanted if term in there)


def _opening(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    opening = " ".join(lines[:_LINES])
    whole = len(lines) <= _LINES and len(opening) <= _CHARACTERS
    return opening if whole else f"{opening[:_CHARACTERS].rstrip()} …"
