"""The smallest difference that a set of questions can show, estimated before a model is asked."""

from __future__ import annotations

import math
from bisect import bisect_left

from self_evolution.text.counts import rounded

LEVEL, POWER = 0.05, 0.8
"""The two-sided error, and the chance to see a difference that exists."""

CORRELATION = 0.1
"""The share of their variance that two questions on one document have in common."""

LOSSES = 0.1
"""The share of changes for the worse among the questions whose result changes."""

FEWEST = 4
"""If fewer clusters than this change, nothing is shown at 5%, whatever the number of questions."""


def detectable(questions: int, clusters: int, *, correlation: float = CORRELATION) -> float:
    """The smallest difference, in points, that is called a difference in at least 80% of cases.

    It is for two models on the same questions, each right or wrong, compared as by `paired` (whole
    clusters, two-sided, 5%). Assumed: a tenth of the changes are losses; questions of one cluster
    correlate by `correlation`, which multiplies the variance by 1 + (m - 1) * correlation for
    clusters of m questions (Kish 1965, 8.2); so with d the share that changes and D the difference,
    D = 0.8 d, and the variance of one question's difference is d - D². Only clusters in which
    something changes tell of the spread (see `intervals`): Student's t with one degree less than
    their expected number takes the place of the normal quantile, corrected for the skewness of few
    gains as BCa does. D is then the solution of D = (t + z) sqrt(variance / questions), with z for
    the power; in simulations it is then seen in 80 to 90% of cases. 100 where none is small enough.
    Raises ValueError unless 1 <= clusters <= questions.
    """
    if not 1 <= clusters <= questions:
        raise ValueError(f"detectable: given {questions} questions in {clusters} clusters")
    step = 0.5**50
    least = bisect_left(
        range(2**50), True, key=lambda i: _seen(i * step, questions, clusters, correlation)
    )
    return 100 * least * step


def _seen(gain: float, questions: int, clusters: int, correlation: float) -> bool:
    """Whether a difference of `gain` (a share) is seen often enough."""
    from scipy.special import ndtri, stdtrit

    size = questions / clusters
    changed = min(1.0, gain / (1 - 2 * LOSSES))
    # Changes that correlate fall into fewer clusters than changes that do not.
    effect = 1 + (size - 1) * correlation
    telling = clusters * (1 - (1 - changed) ** (size / effect))
    if telling < FEWEST:
        return False
    reach = float(stdtrit(telling - 1, 1 - LEVEL / 2)) * math.sqrt(telling / (telling - 1))
    variance = changed - gain**2
    if variance <= 0:
        return True
    third = gain - 3 * gain * changed + 2 * gain**3
    skewed = max(0.0, third) / variance**1.5 / (6 * math.sqrt(questions / effect))
    reach = (reach - skewed) / (1 + skewed * (reach - skewed)) - skewed
    needed = (reach + float(ndtri(POWER))) * math.sqrt(variance * effect / questions)
    return bool(gain >= needed)


def describe_power(questions: int, clusters: int, unit: str) -> str:
    """`with 300 questions over 80 documents a difference of 4.4 points is detectable`."""
    points = detectable(questions, clusters)
    over = f"with {questions:,} questions{f' over {clusters:,} {unit}' if unit else ''}"
    if points > 99:
        return f"{over} no difference is detectable: they are too few"
    size = f"{points:.1f}" if points < 10 else rounded(points)
    return f"{over} a difference of {size} points is detectable"
