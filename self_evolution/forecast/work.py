"""Work that is counted before it is done: steps of a model by their kind, and the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from self_evolution.meter import Kind

Sort = Kind | Literal["tuned read", "tuned write"]
"""The kind of a step; reading and writing with an adapter cost more than without."""


class Amount(NamedTuple):
    """A number of steps, the tokens in them, and how far all tokens together look back."""

    steps: float
    tokens: float
    back: float

    def times(self, factor: float) -> Amount:
        return Amount(*(number * factor for number in self))

    def plus(self, other: Amount) -> Amount:
        return Amount(*(a + b for a, b in zip(self, other, strict=True)))


NOTHING = Amount(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Work:
    """Amounts by kind, the CPU seconds of everything that no model does, and the seconds in which
    another program is waited for."""

    amounts: Mapping[Sort, Amount] = field(default_factory=dict)
    other: float = 0.0
    waiting: float = 0.0

    def __add__(self, more: Work) -> Work:
        kinds = {**self.amounts, **more.amounts}
        return Work(
            {
                kind: self.amounts.get(kind, NOTHING).plus(more.amounts.get(kind, NOTHING))
                for kind in kinds
            },
            self.other + more.other,
            self.waiting + more.waiting,
        )

    def __mul__(self, factor: float) -> Work:
        amounts = {kind: one.times(factor) for kind, one in self.amounts.items()}
        return Work(amounts, self.other * factor, self.waiting * factor)

    @property
    def tokens(self) -> float:
        """All tokens, as the meter counts them."""
        return sum(one.tokens for one in self.amounts.values())


def total(works: Iterable[Work]) -> Work:
    return sum(works, Work())
