"""Strategies: the choice of earlier pairs to replay. To add one, write a function in a file of its
own, and add a line here."""

from self_evolution.strategies.mastery import mastery
from self_evolution.strategies.ranked import easy, even, everything, hard, nothing
from self_evolution.strategies.sampled import sampled
from self_evolution.strategies.scored import ScoredPair, Strategy

STRATEGIES: dict[str, Strategy] = {
    "hard": Strategy(hard),
    "easy": Strategy(easy),
    "even": Strategy(even),
    "random": Strategy(sampled),
    "mastery": Strategy(mastery, asks=True),
    "all": Strategy(everything, uses_k=False),
    "none": Strategy(nothing, uses_k=False),
}

__all__ = ["STRATEGIES", "ScoredPair", "Strategy"]
