"""Which of two models a judge prefers, from verdicts on their answers in both orders."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal, NamedTuple

from self_evolution.statistics.intervals import RESAMPLES, Interval, bootstrap

Verdict = Literal["better", "worse", "tie", "unclear"]
POINTS = {"better": 100.0, "tie": 50.0, "unclear": 50.0, "worse": 0.0}


class Duel(NamedTuple):
    """An item's verdicts on the first model: its answer shown first, and shown second.

    `asked`: a judge was; answers that are the same are a tie without that.
    """

    cluster: Hashable
    shown_first: Verdict
    shown_second: Verdict
    asked: bool = True


class Preference(NamedTuple):
    """How the first of two models does. All in percent.

    `wins`: an item counts by the mean of its two verdicts, a tie (or an unclear one) half.
    Of the `asked` items alone: `agreement`, the share where both orders have the same outcome, said
    clearly; `unclear`, of all verdicts; `first`, of those that prefer one, how many prefer the
    answer that is shown first (50 without a bias). None where there is nothing to count.
    """

    wins: Interval
    asked: int
    agreement: float | None
    unclear: float | None
    first: float | None

    @property
    def shown(self) -> bool:
        """Whether the interval leaves 50 out."""
        return self.wins.low > 50 or self.wins.high < 50


def preference(
    duels: Sequence[Duel], *, resamples: int = RESAMPLES, seed: int = 0
) -> Preference | None:
    """None for no duels. Whole clusters are drawn for the interval."""
    if not duels:
        return None
    scores = [(POINTS[one.shown_first] + POINTS[one.shown_second]) / 2 for one in duels]
    clusters = [one.cluster for one in duels]
    asked = [one for one in duels if one.asked]
    both = [(one.shown_first, one.shown_second) for one in asked]
    firsts = [first == "better" for first, _ in both if first in ("better", "worse")]
    firsts += [second == "worse" for _, second in both if second in ("better", "worse")]
    return Preference(
        bootstrap(scores, clusters, resamples=resamples, seed=seed),
        len(asked),
        _share([first == second != "unclear" for first, second in both]),
        _share([verdict == "unclear" for pair in both for verdict in pair]),
        _share(firsts),
    )


def _share(found: Sequence[bool]) -> float | None:
    return 100 * sum(found) / len(found) if found else None
