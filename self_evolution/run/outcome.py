"""The result that a stage reports when it is done."""

from __future__ import annotations

from typing import NamedTuple


class Outcome(NamedTuple):
    """Items done, and what a person should know of it (may be empty)."""

    items: int
    note: str = ""
