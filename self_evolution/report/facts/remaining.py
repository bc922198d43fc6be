"""The place of the remaining errors: in a few parts of the documents, or spread over all."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from self_evolution.evaluation.scores import is_share
from self_evolution.evaluation.statistics import Interval, bootstrap
from self_evolution.report.facts.mastery import Asked, Mastery, by_heading, by_path

FEWEST = 5
"""If there are fewer errors than this, no place is named; the report lists each of them."""

PARTS = 3
"""If more parts than this hold the errors, the errors count as spread."""

HALF, EXCESS = 0.5, 1.5
"""A place has at least this share of the errors, and this multiple of its share of the
questions."""

SHUFFLES = 2000

LEVEL = 0.05 / 2
"""The level of each of the two tests, by headings and by documents: 5% together."""


@dataclass(frozen=True, slots=True)
class Place:
    """A part of the documents: all of `document` (its short name) if `heading` is empty."""

    document: str
    heading: tuple[str, ...]
    questions: list[Asked]

    @property
    def errors(self) -> int:
        return sum(one.missed for one in self.questions)


@dataclass(frozen=True, slots=True)
class Remaining:
    """The number of `errors`, and the `places` that have most of them; no places if the errors are
    spread.

    `share` is the share of the errors that are in `places`, and `questions` is the share of all
    questions there, both in percent. `documents` are counted, as a heading alone may not tell which
    one is meant.
    """

    errors: int
    documents: int
    places: tuple[Place, ...] = ()
    share: Interval | None = None
    questions: float = 0.0


def remaining(mastery: Mastery) -> Remaining | None:
    """Find where the errors are; None if they are few, all in one part, or the metric has none.

    A place is named only where errors are shown to differ between the parts (permutation test, 5%
    in all, headings first, then documents), and if up to three of them hold half of the errors and
    one and a half times their share of the questions.
    """
    errors = sum(one.missed for one in mastery.questions)
    if not is_share(mastery.metric) or errors < FEWEST:
        return None
    names = {one.path: one.name for one in mastery.documents}
    documents = [Place(names[path], (), some) for path, some in by_path(mastery.questions).items()]
    headings = [
        Place(one.document, heading, some)
        for one in documents
        for heading, some in by_heading(one.questions).items()
    ]
    for places in (headings, documents):
        if len(places) > 1 and unevenness(places) < LEVEL and (few := _few(places)):
            return _inside(few, mastery.questions, len(documents))
    return Remaining(errors, len(documents)) if len(headings) > 1 else None


def unevenness(places: Sequence[Place]) -> float:
    """The p-value of no difference between the places in their share of errors, by shuffled
    fragments."""
    import numpy as np

    counts: dict[tuple[int, Hashable], list[int]] = {}
    for at, place in enumerate(places):
        for one in place.questions:
            cell = counts.setdefault((at, one.source.fragment_id), [0, 0])
            cell[0] += 1
            cell[1] += one.missed
    where = np.array([at for at, _ in counts])
    asked, missed = np.array(list(counts.values()), dtype=float).T
    rate = missed.sum() / asked.sum()

    def spread(order: np.ndarray) -> float:
        sizes = np.bincount(where, asked[order], len(places))
        excess = np.bincount(where, missed[order], len(places)) - rate * sizes
        return float((excess**2 / sizes).sum())

    generator = np.random.default_rng(0)
    seen = spread(np.arange(len(where))) - 1e-9
    beyond = sum(spread(generator.permutation(len(where))) >= seen for _ in range(SHUFFLES))
    return (1 + beyond) / (1 + SHUFFLES)


def _few(places: Sequence[Place]) -> list[Place]:
    """The fewest places that hold most, or none."""
    asked = sum(len(place.questions) for place in places)
    errors = sum(place.errors for place in places)
    rate = errors / asked
    order = sorted(
        places,
        key=lambda one: (rate * len(one.questions) - one.errors, one.heading[-1:], one.document),
    )
    for count in range(1, min(PARTS, len(places) - 1) + 1):
        some = order[:count]
        share = sum(place.errors for place in some) / errors
        if share >= HALF and share >= EXCESS * sum(len(one.questions) for one in some) / asked:
            return some
    return []


def _inside(places: Sequence[Place], questions: Sequence[Asked], documents: int) -> Remaining:
    inside = {one.item.id for place in places for one in place.questions}
    wrong = [one for one in questions if one.missed]
    share = bootstrap(
        [100.0 * (one.item.id in inside) for one in wrong],
        [one.source.fragment_id for one in wrong],
    )
    of_questions = 100 * len(inside) / len(questions)
    return Remaining(len(wrong), documents, tuple(places), share, of_questions)
