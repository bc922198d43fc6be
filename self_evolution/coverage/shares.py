"""How many questions a generation asks about each fragment."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from self_evolution.config import Config
from self_evolution.coverage.stated import Coverable
from self_evolution.ledger import Ledger
from self_evolution.prompts import Prompts
from self_evolution.text.counts import many

MOST = 4
"""No fragment gets more than this many times the questions that a fragment gets on average."""

UNCOVERED = 10
"""This many other statements weigh as much as one that no kept pair states, if `ask.spread` is
`uncovered`."""

BATCH = 500
"""Fragments that are in memory at the same time."""


class Shares(NamedTuple):
    """{fragment: its number of questions}, the statements that the numbers follow, and those of
    them that no kept pair states yet. `fragments` is how many there are, if only some of them were
    looked at."""

    numbers: dict[str, int]
    statements: int = 0
    uncovered: int = 0
    fragments: int = 0

    def __str__(self) -> str:
        """`1 to 12 questions about a fragment, by 210 statements (not covered yet: 45)`, and `in
        1,000 of 7,000 fragments` if only some were looked at; empty if each fragment gets the same
        number."""
        if not self.statements:
            return ""
        least, most = min(self.numbers.values()), max(self.numbers.values())
        asked = f"{least:,} to " * (least < most) + many(most, "question")
        statements = many(self.statements, "statement")
        part = f" in {len(self.numbers):,} of {self.fragments:,} fragments" * (self.fragments > 0)
        return f"{asked}{_BY}{statements} (not covered yet: {self.uncovered:,}){part}"


_BY = " about a fragment, by "


def noted(note: str) -> str:
    """Return the words of `Shares` from a note of the stage `ask`, where they come last after a
    semicolon; an empty text if the note has none."""
    last = note.rsplit("; ", 1)[-1]
    return last if _BY in last else ""


def shares(
    config: Config, ledger: Ledger, prompts: Prompts, generation: int, most: int = 0
) -> Shares:
    """The questions of a generation, by `ask.spread` and the pairs that earlier ones kept.

    The result follows from these pairs and the fragments alone, so an interrupted stage goes on
    with the same numbers. With `most`, no more fragments than this are looked at, at even
    distances: it takes about two milliseconds to find the statements of one.
    """
    each, spread = config.ask.per_fragment, config.ask.spread
    ids = [id for id, _ in ledger.fragments.for_training()] if each else []
    every = 0
    if most and len(ids) > most:
        every, ids = len(ids), [ids[i * len(ids) // most] for i in range(most)]
    if spread == "even":
        return Shares(dict.fromkeys(ids, each))
    weights: dict[str, int] = {}
    whole = missing = 0
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        pairs = pairs_before(ledger, some, generation)
        for fragment in ledger.fragments.get(some):
            coverable = Coverable(fragment, prompts.profile(fragment.language).statements)
            size = len(coverable.statements)
            open_ones = size - len(coverable.covered(pairs[fragment.id]))
            whole, missing = whole + size, missing + open_ones
            weights[fragment.id] = size + (UNCOVERED - 1) * open_ones * (spread == "uncovered")
    return Shares(share_out(weights, each), whole, missing, every)


def share_out(weights: Mapping[str, int], each: int) -> dict[str, int]:
    """Share out `each` questions a fragment on average: one for every fragment, the others in
    proportion to the weights, at most MOST times `each` for one fragment.

    The proportions are D'Hondt's: each further question goes to the fragment with the largest
    quotient of its weight and the number of its questions so far.
    """
    numbers = dict.fromkeys(weights, 1)
    bids = [(-float(weight), 1, id) for id, weight in weights.items()]
    heapq.heapify(bids)
    for _ in range((each - 1) * len(weights)):
        _, number, id = bids[0]
        numbers[id] = number + 1
        if number + 1 < MOST * each:
            heapq.heapreplace(bids, (-weights[id] / (number + 1), number + 1, id))
        else:
            heapq.heappop(bids)
    return numbers


def pairs_before(
    ledger: Ledger, ids: Sequence[str], generation: int
) -> defaultdict[str, list[tuple[str, str]]]:
    """{fragment: its pairs (question, answer) that were kept before a generation}."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for id, made, question, answer in ledger.pairs.kept_about(ids):
        if made < generation:
            found[id].append((question, answer))
    return found
