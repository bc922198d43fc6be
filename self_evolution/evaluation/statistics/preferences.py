"""The preference of a judge between two models, from decisions on their answers in both orders."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

from self_evolution.evaluation.statistics.intervals import RESAMPLES, Interval, bootstrap

Decision = Literal["better", "worse", "tie", "unclear"]
POINTS = {"better": 100.0, "tie": 50.0, "unclear": 50.0, "worse": 0.0}


class Duel(NamedTuple):
    """The decisions on one item about the first model: its answer shown first, and shown second.

    `asked` says whether a judge was asked; equal answers count as a tie without asking.
    """

    cluster: Hashable
    shown_first: Decision
    shown_second: Decision
    asked: bool = True


class Preference(NamedTuple):
    """How often a judge prefers the first of two models. All numbers are in percent.

    `wins`: an item counts by the mean of its two decisions; a tie (or an unclear one) counts half.
    The others are of the `asked` items alone. `agreement`: the share where both orders have the
    same clear outcome. `unclear`: a share of all decisions. `first`: the share of the decisions for
    one answer that prefer the answer shown first (50 without a bias). They are None where there is
    nothing to count. Intervals are of 95%.
    """

    wins: Interval
    asked: int
    agreement: Interval | None
    unclear: Interval | None
    first: Interval | None

    @property
    def shown(self) -> bool:
        """Whether the interval leaves 50 out."""
        return self.wins.low > 50 or self.wins.high < 50


def preference(
    duels: Sequence[Duel], *, resamples: int = RESAMPLES, seed: int = 0
) -> Preference | None:
    """Return the preference; None if there are no duels. Whole clusters are drawn for the
    interval."""
    if not duels:
        return None
    asked = [one for one in duels if one.asked]
    decisions = [(one.cluster, one.shown_first, "better") for one in asked]
    decisions += [(one.cluster, one.shown_second, "worse") for one in asked]

    def mean(found: Sequence[tuple[Hashable, float]]) -> Interval:
        clusters, scores = zip(*found, strict=True)
        return bootstrap(scores, clusters, resamples=resamples, seed=seed)

    def share(found: Sequence[tuple[Hashable, bool]]) -> Interval | None:
        return mean([(cluster, 100.0 * one) for cluster, one in found]) if found else None

    return Preference(
        mean([(d.cluster, (POINTS[d.shown_first] + POINTS[d.shown_second]) / 2) for d in duels]),
        len(asked),
        share([(d.cluster, d.shown_first == d.shown_second != "unclear") for d in asked]),
        share([(cluster, decision == "unclear") for cluster, decision, _ in decisions]),
        share([(c, got == first) for c, got, first in decisions if got in ("better", "worse")]),
    )
