"""The choice of held-out documents: training never uses them, so no generation can have learnt from
them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from self_evolution.ledger import Place
from self_evolution.records import content_id
from self_evolution.run import Run

FEWEST_DOCUMENTS = 5
"""If there are fewer documents than this, none is held out."""

LARGEST_SHARE = 0.2
"""The largest share of the documents, and of the fragments, that may be held out."""


def held_out(run: Run) -> list[str]:
    """Draw the documents to keep out of training, by the run's seed.

    They share no text with others, and are never more than a fifth of documents or fragments.
    """
    fragments: dict[str, list[Place]] = defaultdict(list)
    for place in run.ledger.fragments.places():
        fragments[place.document_id].append(place)
    share, documents = run.config.evaluate.held_out, len(fragments)
    if documents < FEWEST_DOCUMENTS or not share:
        return []
    most = min(int(LARGEST_SHARE * documents), max(1, round(share * documents)))
    room = int(LARGEST_SHARE * sum(map(len, fragments.values())))
    chosen: list[str] = []
    for id in shuffled(fragments, run.config.seed, "holdout"):
        size = len(fragments[id])
        if len(chosen) < most and size <= room and all(place.alone for place in fragments[id]):
            chosen.append(id)
            room -= size
    return sorted(chosen)


def shuffled(ids: Iterable[str], *seed: object) -> list[str]:
    """Return the ids in a random order that depends on the ids and the seed alone."""
    return sorted(ids, key=lambda id: content_id(*seed, id))
