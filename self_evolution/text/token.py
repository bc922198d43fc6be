"""The type of what a text is split into: a value, a word or a sign."""

from __future__ import annotations

from typing import NamedTuple

from self_evolution.text.measures import measure_at


class Token(NamedTuple):
    """`key` is compared, and `start` and `end` span it.

    `kind` is number, date, word, cjk, sign or text. A number has more: `head` and `tail` span its
    figures, and `unit` and `bound` (≥ ≤ > < ≠ ±) are "" for none; `shared` is what a range states
    once, at its other number: a unit as it is written, a currency, or a word such as "million".
    """

    kind: str
    key: str
    start: int
    end: int
    head: int = -1
    tail: int = -1
    unit: str = ""
    bound: str = ""
    shared: str = ""

    @property
    def shared_unit(self) -> str:
        """The compared form of `shared`, "" for none."""
        measure = measure_at(self.shared, 0) if self.shared else None
        return measure.unit if measure else ""

    @property
    def normal(self) -> str:
        """The one way to write this value: ≥10000 ms."""
        return f"{self.bound}{self.key} {self.unit}".rstrip()
