"""What a probe has found out: how long replies are, which are valid, and what steps cost."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from self_evolution.forecast.rates import TUNED, Price, Rates, fit
from self_evolution.forecast.replies import Expected, Replies
from self_evolution.forecast.work import Sort
from self_evolution.meter import Event
from self_evolution.records import Fragment

SHORT = 8
"""Tokens that a reply is taken to have at the least, before any was seen."""

TRAINING = 3.5
"""Training on a token costs some three times what reading it does: forward, backward, adapter."""

ORIGINS = {
    "topics": ("topic", "topic answer"),
    "template": ("template", "template answer"),
    "fragments": ("topic", "answer"),
}
"""The replies of which conversations to rehearse consist."""


Part = Literal["steps", "replies", "training"]
"""A part of the probe: what steps cost; the first questions and answers; scoring, training, and
steps with an adapter."""


class Text(NamedTuple):
    """A question that was asked in the probe, about a fragment or none, and the answer to it."""

    question: str
    answer: str = ""
    fragment: Fragment | None = None


@dataclass
class Tally:
    """How many were judged (`of`), and how many of these were taken."""

    taken: int = 0
    of: int = 0

    def share(self, sign: int = 0) -> float:
        """The share, or an end of its interval at 95%, where some were judged.

        Half a case is added on each side, because a few tell little.
        """
        if sign:
            return interval(self.taken, self.of)[sign > 0]
        return (self.taken + 0.5) / (self.of + 1)


@dataclass
class Seconds:
    """CPU seconds of what no model does: for a row that is asked, an answer that is scored, a pair
    that is checked; for a bootstrap of all metrics, and for the beginning of a training."""

    row: float = 0.0
    score: float = 0.0
    check: float = 0.0
    bootstrap: float = 0.0
    training: float = 0.0


@dataclass
class Sample:
    """All of it, which grows with every round. `teacher` is the seconds for a reply of a teacher.
    `given_up` are the parts of the probe that its time was too short for.

    The names of replies and texts: `ask`, `exam`, `skill`, `topic` and `template` are questions;
    `answer`, `exam answer` and so on are the answers to them; `closed`, `retrieved`, `open` and
    `former` are answers to test questions.
    """

    fragments: int = 0
    replies: dict[str, Replies] = field(default_factory=dict)
    texts: dict[str, list[Text]] = field(default_factory=dict)
    pairs: Tally = field(default_factory=Tally)
    candidates: Tally = field(default_factory=Tally)
    abilities: Tally = field(default_factory=Tally)
    reasons: Counter[str] = field(default_factory=Counter)
    events: dict[Sort, list[Event]] = field(default_factory=dict)
    other: Seconds = field(default_factory=Seconds)
    teacher: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    given_up: set[Part] = field(default_factory=set)

    def share(self, tally: Tally, sign: int = 0) -> float:
        """The share of this tally, or an end of its interval. If the probe had no time to judge,
        it may be any; it is 1 if nothing was to be judged."""
        return tally.share(sign) if tally.of else self._unseen(sign)

    def _unseen(self, sign: int) -> float:
        """The share where none was judged, or an end of its interval."""
        return 0.5 + sign / 2 if "replies" in self.given_up else 1.0

    def conversations(self, sign: int = 0) -> dict[str, float]:
        """{origin: the share of its conversations that end by themselves, or an end of its
        interval}."""
        found = {}
        for origin, kinds in ORIGINS.items():
            share = 1.0
            for kind in kinds:
                if replies := self.replies.get(kind):
                    part, size = replies.ending, len(replies.lengths)
                    share *= interval(part * size, size)[sign > 0] if sign else part
                else:
                    share *= self._unseen(sign)
            found[origin] = share
        return found

    def rates(self) -> Rates:
        """The prices; what was not measured is guessed from reading and writing."""
        found = fit(self.events)
        prices = dict(found.prices)
        like: dict[Sort, Sort] = {**TUNED, "score": "read"}
        for own, other in like.items():
            if other in prices:
                prices.setdefault(own, prices[other])
        if "read" in prices and "train" not in prices:
            step, token, back, pace = prices["read"]
            prices["train"] = Price(TRAINING * step, TRAINING * token, TRAINING * back, pace)
        unsure = {sort for sort in prices if not self.events.get(sort)} if self.given_up else set()
        unsure |= {"read", "write"} if "steps" in self.given_up else set()
        return Rates(prices, found.pace, frozenset(unsure))

    def expected(self, most: Mapping[str, int]) -> dict[str, Expected]:
        """{kind of reply: its lengths}; `most` are the longest replies by the settings.

        A kind that was not seen is like answers, or like questions. Before any round it is SHORT;
        if there was no time for a round, it is half of the longest, give or take as much.
        """
        found: dict[str, Expected] = {}
        for kind, tokens in most.items():
            like = (kind, "answer", "open") if tokens == most["answer"] else (kind, "ask", "exam")
            seen = next((self.replies[one] for one in like if one in self.replies), None)
            unseen = tokens / 2 if "replies" in self.given_up else float(SHORT)
            known = seen.lasting() if seen else Expected((unseen,), tokens)
            found[kind] = Expected(tuple(min(n, tokens) for n in known.lengths), tokens)
        return found


def interval(some: float, of: int) -> tuple[float, float]:
    """The interval of a share at 95% confidence (Wilson 1927)."""
    z = 1.96
    part = some / of
    middle = part + z * z / (2 * of)
    width = z * math.sqrt(part * (1 - part) / of + (z / (2 * of)) ** 2)
    whole = 1 + z * z / of
    return max(0.0, (middle - width) / whole), min(1.0, (middle + width) / whole)


def cycled(texts: Sequence[Text], number: int) -> list[Text]:
    """`number` texts; if there are fewer, they are repeated from the beginning."""
    return [texts[i % len(texts)] for i in range(number)] if texts else []
