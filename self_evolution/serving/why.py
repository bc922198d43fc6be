"""Why a run answers as it does: the training pairs nearest to a text, and what they came from."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from self_evolution.evaluation.contamination import LEAK, ContaminationCheck
from self_evolution.evaluation.corrections.judging import plain
from self_evolution.evaluation.scores import is_right
from self_evolution.evaluation.tasks import TESTS
from self_evolution.ledger import Ledger
from self_evolution.ledger.pairs import TrainedPair
from self_evolution.records import Item
from self_evolution.retrieval import asked, terms
from self_evolution.serving.sources import Source, sources


@dataclass(frozen=True, slots=True)
class Near:
    """A training pair near a text. `share` is the part of the text's terms that the pair has, by
    their rarity among the pairs (0 to 1). `source` is its passage, None where that is not known."""

    pair: TrainedPair
    share: float
    source: Source | None


@dataclass(frozen=True, slots=True)
class Tested:
    """The test question nearest to a text.

    `share` of the words of both are in common. `first` is the first generation that answered it
    right with the book closed and `since` the first of those that have all done so up to the last
    one; None where none did.
    """

    item: Item
    share: float
    first: int | None
    since: int | None


@dataclass(frozen=True, slots=True)
class Why:
    """Training pairs near a text, the nearest first, and the nearest test question, if one is."""

    pairs: tuple[Near, ...]
    tested: Tested | None


def why(ledger: Ledger, text: str, limit: int) -> Why:
    """What a run was trained on that is near a question or an answer; no model is asked.

    For a test question, pairs are looked for by its reference too, as training never has its words.
    """
    tested = _tested(ledger, text)
    searched = f"{text}\n{tested.item.reference}" if tested and tested.share >= LEAK else text
    found = nearest([*ledger.pairs.trained(), *ledger.rewrites.trained()], searched, limit)
    ids = list(dict.fromkeys(pair.fragment_id for pair, _ in found if pair.fragment_id))
    places = dict(zip(ids, sources(ledger, ids), strict=True))
    pairs = (Near(pair, share, places.get(pair.fragment_id or "")) for pair, share in found)
    return Why(tuple(pairs), tested)


def nearest(pairs: Sequence[TrainedPair], text: str, limit: int) -> list[tuple[TrainedPair, float]]:
    """(pair, share of the text's terms) of at most `limit` pairs, the nearest first.

    Terms count by their rarity among the pairs. Where the share is equal, the pair with fewer terms
    comes first, and then the one that was trained on earlier.
    """
    wanted = set(asked(text))
    frequency: Counter[str] = Counter()
    there: dict[str, list[int]] = defaultdict(list)
    sizes = []
    for place, pair in enumerate(pairs):
        own = set(terms(f"{pair.question}\n{pair.answer}"))
        sizes.append(len(own))
        frequency.update(own & wanted)
        for term in own & wanted:
            there[term].append(place)
    rarity = {term: math.log1p(len(pairs) / frequency.get(term, 0.5)) for term in wanted}
    total = sum(rarity.values())
    shares: dict[int, float] = defaultdict(float)
    for term, places in there.items():
        for place in places:
            shares[place] += rarity[term] / total
    ranked = sorted(shares, key=lambda place: (-round(shares[place], 9), sizes[place], place))
    return [(pairs[place], shares[place]) for place in ranked[:limit]]


def _tested(ledger: Ledger, text: str) -> Tested | None:
    """The test question that is near the text, as in the check of pairs, or whose answer it is."""
    items = [item for item in ledger.items.all() if item.suite in TESTS]
    match = ContaminationCheck(items).match(text, "")
    same = next((item for item in items if plain(item.reference) == plain(text)), None)
    if match is None and same is None:
        return None
    item, share = (match.item, match.share) if match else (same, 1.0)
    assert item is not None
    answers = ledger.evaluations.answers_to(item.id, "closed")
    right = [generation for generation, answer in answers if is_right(item, answer)]
    since = None
    for generation, _ in reversed(answers):
        if generation not in right:
            break
        since = generation
    return Tested(item, share, min(right, default=None), since)
