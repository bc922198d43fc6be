"""Selection of earlier pairs. To add a strategy: a function in a file, and a line here."""

from self_evolution.strategies.ranked import easy, even, everything, hard, nothing
from self_evolution.strategies.sampled import sampled
from self_evolution.strategies.scored import Scored, Strategy

STRATEGIES: dict[str, Strategy] = {
    "hard": hard,
    "easy": easy,
    "even": even,
    "random": sampled,
    "all": everything,
    "none": nothing,
}

__all__ = ["STRATEGIES", "Scored", "Strategy"]
