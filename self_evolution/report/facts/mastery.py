"""How much the model knows of each document, by heading, and which questions it still misses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from self_evolution.evaluation import choice
from self_evolution.evaluation.differences import both, scored
from self_evolution.evaluation.statistics import FEW_CLUSTERS, RESAMPLES, Interval, bootstrap
from self_evolution.evaluation.tasks import Task
from self_evolution.ledger import Ledger, Source
from self_evolution.records import Item

SUITES = ("domain", choice.SUITE, "seen")
"""The map leaves out questions on held-out documents, because no model was trained on them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A test question with its source and two scores (percent): of the base and of the compared
    generation."""

    item: Item
    source: Source
    base: float
    now: float
    answer: str

    @property
    def missed(self) -> bool:
        return self.now < 100


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading of a document, or the whole document (`heading` is empty), and the questions on it.
    Intervals resample fragments, or questions if all are on one fragment; they hold for other
    questions on this part. With exact-match a question is known or not known; with other metrics it
    counts as known in part, by its score.
    """

    heading: tuple[str, ...]
    asked: int
    base: Interval
    now: Interval

    @property
    def known(self) -> float:
        return self.asked * self.now.mean / 100

    @property
    def missed(self) -> float:
        return self.asked - self.known


@dataclass(frozen=True, slots=True)
class Document:
    """`parts`, and the `missed` questions, are in the order of the document's headings.

    `name` is the path without the folders that all documents share.
    """

    path: str
    name: str
    whole: Chapter
    parts: tuple[Chapter, ...]
    missed: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Mastery:
    """The documents, those with the most missed questions first. `unplaced` questions have no known
    document."""

    metric: str
    compared: int
    documents: tuple[Document, ...]
    questions: tuple[Asked, ...]
    unplaced: int

    @property
    def placed(self) -> int:
        return len(self.questions)


def mastery(ledger: Ledger, metric: str, compared: int, sources: Mapping[str, Source]) -> Mastery:
    """Closed-book test questions on documents that are trained on; `sources` are by item id."""
    questions: list[Asked] = []
    unplaced = 0
    for suite in SUITES:
        task = Task(suite, "closed")
        for base, now in both(*(scored(ledger, g, task, metric) for g in (0, compared))):
            if source := sources.get(now.item.id):
                questions.append(Asked(now.item, source, base.score, now.score, now.text))
            else:
                unplaced += 1
    groups = by_path(questions)
    names = short_names(groups)
    found = [_document(path, names[path], some) for path, some in groups.items()]
    found.sort(key=lambda one: (-one.whole.missed, one.path))
    return Mastery(metric, compared, tuple(found), tuple(questions), unplaced)


def by_path(questions: Iterable[Asked]) -> dict[str, list[Asked]]:
    found: dict[str, list[Asked]] = {}
    for one in questions:
        found.setdefault(one.source.path, []).append(one)
    return found


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """{path: the rest of it without the folders that all paths share}."""
    split = {path: path.split("/") for path in paths}
    shared = 0
    for level in zip(*(parts[:-1] for parts in split.values()), strict=False):
        if len(set(level)) > 1:
            break
        shared += 1
    return {path: "/".join(parts[shared:]) for path, parts in split.items()}


def by_heading(questions: Sequence[Asked]) -> dict[tuple[str, ...], list[Asked]]:
    """Questions on one document, by the first level at which their headings differ."""
    headings = [one.source.heading for one in questions]
    least, most = min(headings), max(headings)  # what these two share, all share
    depth = 1
    while least[:depth] == most[:depth] and depth < len(most):
        depth += 1
    found: dict[tuple[str, ...], list[Asked]] = {}
    for one in questions:
        found.setdefault(one.source.heading[:depth], []).append(one)
    return found


def _document(path: str, name: str, questions: list[Asked]) -> Document:
    groups = by_heading(questions)
    parts = tuple(_part(heading, some) for heading, some in groups.items())
    missed = tuple(one for some in groups.values() for one in some if one.missed)
    return Document(path, name, _part((), questions), parts, missed)


def _part(heading: tuple[str, ...], questions: Sequence[Asked]) -> Chapter:
    drawn = [one.source.fragment_id for one in questions]
    if len(set(drawn)) == 1:
        drawn = [one.item.id for one in questions]
    # Few have Student's interval, which needs no resamples: there may be many parts.
    resamples = RESAMPLES if len(set(drawn)) >= FEW_CLUSTERS else 1
    base, now = (
        bootstrap(scores, drawn, resamples=resamples)
        for scores in ([one.base for one in questions], [one.now for one in questions])
    )
    return Chapter(heading, len(questions), base, now)
