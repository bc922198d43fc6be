"""How long replies are: a few that were measured stand for all of their kind."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Replies(NamedTuple):
    """The lengths of replies in tokens, none above `most`; `cut` says which the probe cut off."""

    lengths: tuple[int, ...]
    cut: tuple[bool, ...]
    most: int

    def and_also(self, more: Replies) -> Replies:
        return Replies(self.lengths + more.lengths, self.cut + more.cut, self.most)

    @property
    def ending(self) -> float:
        """The share of replies that end before `most` tokens; half a reply is added on each side,
        because a few tell little."""
        hazard = self._hazard
        ended = sum(
            1 - (1 - hazard) ** (self.most - length) if cut else float(length < self.most)
            for length, cut in zip(self.lengths, self.cut, strict=True)
        )
        return (ended + 0.5) / (len(self.lengths) + 1)

    @property
    def _hazard(self) -> float:
        """The probability that a token is the last one of its reply."""
        ended = sum(
            length < self.most and not cut
            for length, cut in zip(self.lengths, self.cut, strict=True)
        )
        return ended / max(1, sum(self.lengths))

    def lasting(self) -> Expected:
        """The expected lengths if no reply had been cut off. A reply that was cut off is assumed to
        go on; at each further token it ends with the same probability as all replies did."""
        hazard = self._hazard
        whole = [
            length + _further(self.most - length, hazard) if cut else float(length)
            for length, cut in zip(self.lengths, self.cut, strict=True)
        ]
        return Expected(tuple(sorted(whole)), self.most)


class Expected(NamedTuple):
    """The expected lengths of replies, ascending, none above `most`."""

    lengths: tuple[float, ...]
    most: int

    @property
    def mean(self) -> float:
        return sum(self.lengths) / len(self.lengths)

    @property
    def error(self) -> float:
        """Twice the standard error of the mean; as large as the mean where one length is known."""
        size, mean = len(self.lengths), self.mean
        if size < 2:
            return mean
        variance = sum((length - mean) ** 2 for length in self.lengths) / (size - 1)
        return 2 * math.sqrt(variance / size)

    def longest(self, rows: float) -> float:
        """The expected length of the longest of `rows` replies."""
        size = len(self.lengths)
        below = [math.pow(i / size, rows) for i in range(size + 1)]
        return sum(length * (below[i + 1] - below[i]) for i, length in enumerate(self.lengths))

    def shifted(self, sign: int) -> Expected:
        """These lengths, changed so that their mean is the lower or the upper end of its
        interval."""
        factor = max(0.1, 1 + sign * self.error / self.mean) if self.mean else 1.0
        moved = (min(float(self.most), max(1.0, length * factor)) for length in self.lengths)
        return Expected(tuple(moved), self.most)


def measured(lengths: Sequence[int], cap: int, most: int) -> Replies:
    """The replies with these lengths. The probe cut off those that have `cap` tokens."""
    cut = tuple(length >= cap < most for length in lengths)
    return Replies(tuple(lengths), cut, most)


def _further(room: int, hazard: float) -> float:
    """How many of `room` tokens follow if each is the last with that probability."""
    return room if hazard <= 0 else (1 - (1 - hazard) ** room) / hazard
