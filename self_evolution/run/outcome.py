"""The result that a stage reports when it is done."""

from __future__ import annotations

from typing import NamedTuple


class Outcome(NamedTuple):
    """The number of items done, and a note for people (may be empty)."""

    items: int
    note: str = ""
