"""Numbers in the words of a message."""

from __future__ import annotations

import math


def rounded(value: float) -> int:
    """Round to a whole number, halves up, as people do."""
    return math.floor(value + 0.5)


def many(number: int, thing: str) -> str:
    """Return how many there are: "1 pair", "1,250 pairs". `thing` takes an s for more than one."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
