"""What readers give."""

from __future__ import annotations

from typing import NamedTuple


class Malformed(Exception):
    """The file is not what its ending says; the message says where and why, for people."""


class Part(NamedTuple):
    """Text under one heading path; `start` and `end` are character offsets in the file's text.

    For formats that are converted first (HTML), the offsets are those in the converted text.
    `whole` passages were split by somebody already.
    """

    heading: tuple[str, ...]
    text: str
    start: int
    end: int
    whole: bool = False
