"""How far two people agree, beyond what chance would give (Cohen's kappa)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from itertools import combinations
from typing import NamedTuple

_WORDS = (
    (0.0, "no better than chance"),
    (0.2, "hardly better than chance"),
    (0.4, "fair"),
    (0.6, "moderate"),
    (0.8, "good"),
)


class Agreement(NamedTuple):
    """Two reviewers who judged the same `both` things, `same` of them alike.

    `kappa` is 1 if they always agree, and 0 if they agree as often as by chance. It is None where
    chance alone makes them agree, because both always gave one and the same verdict.
    """

    reviewers: tuple[str, str]
    both: int
    same: int
    kappa: float | None

    @property
    def meaning(self) -> str:
        """What kappa means, in words."""
        if self.kappa is None:
            return "not defined"
        return next((word for most, word in _WORDS if self.kappa <= most), "very good")


def agreements(said: Iterable[tuple[Hashable, str, str]]) -> list[Agreement]:
    """The agreement of each two reviewers; those first who judged most things together.

    `said` has (thing, reviewer, verdict). The last verdict of a reviewer on a thing counts; those
    without a name of a reviewer do not.
    """
    verdicts: dict[str, dict[Hashable, str]] = defaultdict(dict)
    for thing, reviewer, verdict in said:
        if reviewer:
            verdicts[reviewer][thing] = verdict
    found = []
    for one, other in combinations(sorted(verdicts), 2):
        both = verdicts[one].keys() & verdicts[other].keys()
        if both:
            rows = [(verdicts[one][thing], verdicts[other][thing]) for thing in both]
            same = sum(mine == theirs for mine, theirs in rows)
            found.append(Agreement((one, other), len(rows), same, _kappa(rows, same)))
    return sorted(found, key=lambda one: -one.both)


def _kappa(rows: list[tuple[str, str]], same: int) -> float | None:
    n = len(rows)
    mine, theirs = (Counter(row[place] for row in rows) for place in (0, 1))
    chance = sum(mine[verdict] * theirs[verdict] for verdict in mine) / n**2
    return None if chance == 1 else (same / n - chance) / (1 - chance)
