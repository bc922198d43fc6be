"""What `doctor` finds, one line each."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["good", "missing", "broken"]


class Finding(NamedTuple):
    """`missing` is what only some features need, `broken` what must be mended.

    `cure` says what to do about it; it is empty where nothing is wrong.
    """

    subject: str
    state: State
    detail: str
    cure: str = ""
