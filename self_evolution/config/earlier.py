"""Settings as earlier versions wrote them, so that their recipes load and their runs go on.

To rename or remove a setting: change it in `sections.py`, and add a line to `EARLIER`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from self_evolution.config.sections import Train
from self_evolution.errors import UserError

Section = dict[str, Any]


def translated(values: dict[str, Any], origin: str) -> dict[str, Any]:
    """A copy of nested `values` in today's settings.

    Raises UserError that names `origin` for a value that this version can no longer follow.
    """
    found = copy.deepcopy(values)
    for key, translate in EARLIER.items():
        name, _, inner = key.partition(".")
        section = found.get(name)
        if isinstance(section, dict) and inner in section:
            problem = translate(section, section.pop(inner))
            if problem:
                raise UserError(f"{origin}: {problem}")
    return found


def _rollback(section: Section, value: Any) -> str:
    word = str(value).lower()
    if word == "false":
        section["on_failure"] = "continue"
    return (
        "" if word in ("true", "false") else f"promote.rollback {value!r}: expected true or false"
    )


def _weight_decay(section: Section, value: Any) -> str:
    if str(value) in ("0", "0.0"):
        return ""
    return f"train.weight_decay {value!r}: there is no weight decay any more; remove this setting"


def _alpha(section: Section, value: Any) -> str:
    """Earlier versions wrote out what is the default today: twice the rank."""
    rank = str(section.get("rank", Train().rank))
    twice = rank.isdigit() and str(value) == str(2 * int(rank))
    section["alpha"] = 0 if twice else value
    return ""


EARLIER: dict[str, Callable[[Section, Any], str]] = {
    "promote.rollback": _rollback,
    "train.alpha": _alpha,
    "train.weight_decay": _weight_decay,
}
"""For each key: a function that writes its value into the section as today's settings.

It returns what is wrong with the value, or nothing.
"""
