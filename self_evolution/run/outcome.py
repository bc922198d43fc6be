"""The result that a stage reports when it is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Outcome(NamedTuple):
    """The number of items done, and a note for people (may be empty)."""

    items: int
    note: str = ""


def describe_kept(reasons: Mapping[str | None, int], what: str) -> str:
    """Return a text such as `120 of 150 pairs kept (20 truncated, 10 duplicate)`. The reason None
    counts what was kept; `what` is `pairs kept` here.
    """
    out = [f"{n:,} {reason.replace('_', ' ')}" for reason, n in reasons.items() if reason]
    kept, total = reasons.get(None, 0), sum(reasons.values())
    return f"{kept:,} of {total:,} {what} ({', '.join(out) or 'none out'})"
