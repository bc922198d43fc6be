"""Scores of subsets of the test: near the training pairs, or on documents that have changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from self_evolution.evaluation.differences import ScoredAnswer, scored
from self_evolution.evaluation.statistics import Interval, bootstrap
from self_evolution.evaluation.tasks import MAIN
from self_evolution.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Subset:
    """Scores of the main task for a chosen part of its questions.

    `chosen` counts the part, `questions` all that were answered. The intervals are those of all, of
    the part, and of the rest; None if the metric applies to none of them.
    """

    chosen: int
    questions: int
    all: Interval | None
    chosen_score: Interval | None
    other_score: Interval | None


@dataclass(frozen=True, slots=True)
class Leaks:
    """The number of pairs of all generations that were `stopped` because they are test questions.

    `near` is the subset of the questions that resemble one that the compared generation was trained
    on.
    """

    stopped: int
    near: Subset


@dataclass(frozen=True, slots=True)
class Outdated:
    """How many of the `tests` (the locked questions) are `gone`: on documents that were changed or
    withdrawn.

    `others` are generations (or rivals, below 0) that were not given the passages that the base
    was given, because documents changed in between.
    """

    gone: int
    tests: int
    others: tuple[int, ...]


def subset(ledger: Ledger, metric: str, generation: int, chosen: Collection[str]) -> Subset:
    """The scores of a generation for the items with the ids in `chosen`."""
    answered = [item.id for item, _ in ledger.evaluations.predictions(generation, *MAIN)]
    found = scored(ledger, generation, MAIN, metric)
    return Subset(
        sum(id in chosen for id in answered),
        len(answered),
        _mean(list(found.values())),
        _mean([one for id, one in found.items() if id in chosen]),
        _mean([one for id, one in found.items() if id not in chosen]),
    )


def leaks(ledger: Ledger, metric: str, compared: int) -> Leaks:
    stopped = sum(n for _, reason, n in ledger.pairs.reasons() if reason == "in_evaluation")
    return Leaks(stopped, subset(ledger, metric, compared, ledger.items.near(compared)))


def outdated(ledger: Ledger) -> Outdated:
    tests = {item.id for item in ledger.items.locked()}
    states = ledger.search.searched()
    base = states.get(0, [])
    others = {who for who, theirs in states.items() if theirs != base or len(base) > 1} - {0}
    return Outdated(
        len(ledger.items.outdated() & tests),
        len(tests),
        tuple(sorted(others, key=abs)) if base else (),
    )


def _mean(found: Sequence[ScoredAnswer]) -> Interval | None:
    if not found:
        return None
    return bootstrap([one.score for one in found], [one.item.cluster for one in found])
