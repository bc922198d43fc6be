"""Where the remaining errors are: in a few parts of the documents, or spread over all."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from self_evolution.evaluation.statistics import bootstrap
from self_evolution.report.mastery import Asked, Mastery, by_heading, by_path
from self_evolution.report.words import interval, is_share, number

FEWEST = 5
"""Of fewer errors nothing is said: they are told one by one."""

PARTS = 3
"""More parts than that are no place."""

HALF, EXCESS = 0.5, 1.5
"""A place has so much of the errors, and so many times its share of the questions."""

SHUFFLES = 2000

LEVEL = 0.05 / 2
"""Of each of the two tests, by headings and by documents: 5% together."""


class Place(NamedTuple):
    """A part of the documents by its name, and the questions on it."""

    name: str
    questions: list[Asked]

    @property
    def errors(self) -> int:
        return len(_errors(self.questions))


def remaining(mastery: Mastery) -> str:
    """A sentence with an interval; empty where there are few errors, or the metric has none.

    A place is named only where errors are shown to differ between the parts (permutation test, 5%
    in all, headings first, then documents), and if up to three of them hold half of the errors and
    one and a half times their share of the questions.
    """
    errors = len(_errors(mastery.questions))
    if not is_share(mastery.metric) or errors < FEWEST:
        return ""
    names = {one.path: one.name for one in mastery.documents}
    groups = by_path(mastery.questions)
    documents = [Place(names[path], some) for path, some in groups.items()]
    headings = [
        Place(_named(heading, one.name, len(documents)), some)
        for one in documents
        for heading, some in by_heading(one.questions).items()
    ]
    for places in (headings, documents):
        if len(places) > 1 and unevenness(places) < LEVEL and (few := _few(places)):
            return _told(few, mastery.questions)
    if len(headings) == 1:
        return ""
    return (
        f"The {errors:,} remaining errors are spread: no part of the documents is shown to hold "
        "most of them."
    )


def unevenness(places: Sequence[Place]) -> float:
    """p of no difference between the places in their share of errors: whole fragments shuffled."""
    import numpy as np

    counts: dict[tuple[int, Hashable], list[int]] = {}
    for at, place in enumerate(places):
        for one in place.questions:
            cell = counts.setdefault((at, one.source.fragment_id), [0, 0])
            cell[0] += 1
            cell[1] += one.now < 100
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
    order = sorted(places, key=lambda one: (rate * len(one.questions) - one.errors, one.name))
    for count in range(1, min(PARTS, len(places) - 1) + 1):
        some = order[:count]
        share = sum(place.errors for place in some) / errors
        if share >= HALF and share >= EXCESS * sum(len(one.questions) for one in some) / asked:
            return some
    return []


def _told(places: Sequence[Place], questions: Sequence[Asked]) -> str:
    inside = {one.item.id for place in places for one in place.questions}
    wrong = _errors(questions)
    here = [100.0 * (one.item.id in inside) for one in wrong]
    share = bootstrap(here, [one.source.fragment_id for one in wrong])
    names = _joined(place.name for place in places)
    return (
        f"{sum(place.errors for place in places):,} of the {len(wrong):,} remaining errors, "
        f"{number(share.mean)}% {interval(share)}, are in {names}, with "
        f"{number(100 * len(inside) / len(questions))}% of the questions."
    )


def _errors(questions: Iterable[Asked]) -> list[Asked]:
    return [one for one in questions if one.now < 100]


def _named(heading: tuple[str, ...], document: str, documents: int) -> str:
    if not heading:
        return document
    return f"“{heading[-1]}” of {document}" if documents > 1 else f"“{heading[-1]}”"


def _joined(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
