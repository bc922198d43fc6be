"""The types that describe a command: its options, settings and function."""

from __future__ import annotations

from typing import Any, NamedTuple


class Option(NamedTuple):
    """A word or flag of a command: its names, and the arguments for argparse."""

    names: tuple[str, ...]
    keywords: dict[str, Any]


def option(*names: str, **keywords: Any) -> Option:
    return Option(names, keywords)


def positive(text: str) -> int:
    """A whole number from 1 on. Raises ValueError, which argparse tells the person."""
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def points(text: str) -> float:
    """A number of points from 0 to 100. Raises ValueError, which argparse tells the person."""
    if not 0 <= (number := float(text)) <= 100:
        raise ValueError(text)
    return number


def hours(text: str) -> float:
    """A number of hours above 0. Raises ValueError, which argparse tells the person."""
    if not 0 < (number := float(text)) < 1e6:
        raise ValueError(text)
    return number


Common = dict[str, tuple[str, ...]]
"""{title: flat keys of the settings that `--help` shows under it}; a section's name stands for all
its settings."""


SHORT = {
    "model.name": "--model",
    "ask.pairs": "--pairs",
    "ask.teacher": "--teacher",
    "evaluate.file": "--eval",
    "evaluate.against": "--against",
    "evaluate.judge": "--judge",
    "read.limit": "--limit",
}
"""Short flags of settings."""


class Command(NamedTuple):
    """One command.

    `function` is MODULE.NAME in `self_evolution.cli`. If `common` is not None, the command takes
    settings: all of them, or only those of `sections` (where "" stands for the settings without a
    section).
    """

    help: str
    function: str
    options: tuple[Option, ...]
    common: Common | None = None
    sections: tuple[str, ...] = ()
    short: dict[str, str] = SHORT


RUN = option("source", metavar="RUN", help="the run's folder")
