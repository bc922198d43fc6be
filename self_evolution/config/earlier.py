"""Settings as earlier versions wrote them, so that their recipes load and their runs go on.

To rename or remove a setting: change it in the module of its section, and add a line to
`EARLIER`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from self_evolution.config.training import Train
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


def _fixed(key: str, only: float) -> Callable[[Section, Any], str]:
    """Translate a setting that no longer exists, because it always has the value `only` today."""

    def translate(section: Section, value: Any) -> str:
        same = str(value) in (f"{only}", f"{float(only)}")
        return "" if same else f"{key} {value!r}: it is always {only} today; remove this setting"

    return translate


def _alpha(section: Section, value: Any) -> str:
    """Translate an alpha of twice the rank, which earlier versions wrote out, to the default of
    today."""
    rank = str(section.get("rank", Train().rank))
    twice = rank.isdigit() and str(value) == str(2 * int(rank))
    section["alpha"] = 0 if twice else value
    return ""


def _checkpointing(section: Section, value: Any) -> str:
    word = {"true": "on", "false": "off"}.get(str(value).lower())
    section["checkpointing"] = word or value
    return "" if word else f"train.gradient_checkpointing {value!r}: expected true or false"


EARLIER: dict[str, Callable[[Section, Any], str]] = {
    "promote.rollback": _rollback,
    "train.alpha": _alpha,
    "train.gradient_checkpointing": _checkpointing,
} | {
    key: _fixed(key, only)
    for key, only in (
        ("check.max_question_chars", 400),
        ("split.min_chars", 20),
        ("train.dropout", 0),
        ("train.weight_decay", 0),
    )
}
"""For each key: a function that writes its value into the section as today's settings.

It returns what is wrong with the value, or nothing.
"""
