"""Numbers of things in the words of a message."""

from __future__ import annotations


def many(number: int, thing: str) -> str:
    """Return how many there are: "1 pair", "1,250 pairs". `thing` takes an s for more than one."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
