"""Selection of earlier pairs. To add a strategy: a function in a file, and a line here."""

from self_evolution.strategies.mastery import mastery
from self_evolution.strategies.ranked import easy, even, everything, hard, nothing
from self_evolution.strategies.sampled import sampled
from self_evolution.strategies.scored import Scored, Strategy

STRATEGIES: dict[str, Strategy] = {
    "hard": Strategy(hard),
    "easy": Strategy(easy),
    "even": Strategy(even),
    "random": Strategy(sampled),
    "mastery": Strategy(mastery, asks=True),
    "all": Strategy(everything, uses_k=False),
    "none": Strategy(nothing, uses_k=False),
}

__all__ = ["STRATEGIES", "Scored", "Strategy"]
