"""Variants: settings with their values, and the first stage that each setting changes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

from self_evolution import config
from self_evolution.config import Config
from self_evolution.errors import UserError, nearest
from self_evolution.schedule import plan

Step = tuple[int, str]
STEPS = plan(1)
"""The steps of a run with the default settings. Some runs do not have all of them."""

FIRST: dict[str, Step] = {
    "split": (0, "split"),
    "rehearse": (0, "rehearse"),
    "ask": (0, "build"),
    "answer": (0, "build"),
    "check": (0, "build"),
    "evaluate": (0, "evaluate"),
    "score": (1, "score"),
    "select": (1, "select"),
    "train": (1, "select"),
    "promote": (1, "select"),
    "generations": (1, "select"),
}
"""The first stage that each section changes. From select of generation 1 on, no stage is shared.

Sections that are not here (model, domain, read) change the first stage already.
"""

REFUSED = {
    "seed": "--seeds N gives the seeds",
    "recipe": "give settings, not a recipe's name",
    "read.documents": "the documents are the same for all",
    "evaluate.file": "scores on other questions are not comparable",
    "evaluate.retention_file": "scores on other questions are not comparable",
    "evaluate.abilities": "scores on other questions are not comparable",
    "evaluate.limit": "scores on other questions are not comparable",
    "evaluate.choice": "scores on other questions are not comparable",
    "evaluate.build": "scores on other questions are not comparable",
    "evaluate.questions": "scores on other questions are not comparable",
    "evaluate.held_out": "scores on other questions are not comparable",
    "evaluate.samples": "scores on other questions are not comparable",
    "evaluate.against": "other models are the same for all",
    "evaluate.judge": "the judge is the same for all",
}


class Variant(NamedTuple):
    """`values` are flat settings as text; `name` is the name of its folder, such as
    `strategy=hard`."""

    name: str
    values: dict[str, str]


def variants(vary: Sequence[str], base: Config) -> list[Variant]:
    """One for each combination of the values in `vary` (`select.strategy=hard,easy`).

    The first variant has the first values. Raises UserError for a setting that cannot be varied,
    and for a value that is not valid.
    """
    axes = dict(_axis(text) for text in vary)
    if len(axes) < len(vary):
        raise UserError("--vary: the same setting is given twice; name its values after one =")
    found = []
    for values in itertools.product(*axes.values()):
        chosen = dict(zip(axes, values, strict=True))
        base.changed(chosen)  # raises UserError
        found.append(Variant(name(chosen, list(axes)), chosen))
    if len({one.name for one in found}) < len(found):
        raise UserError("--vary: a value is given twice, or two have the same name for a folder")
    if len(found) < 2:
        key = next(iter(axes))
        raise UserError(f"--vary {key}: one value given, expected two or more, such as {key}=a,b")
    return found


def first_step(key: str) -> Step:
    """The first stage whose rows a setting changes."""
    if key == "train.rehearsal_file":
        return STEPS[0]
    if key == "train.rehearsal":
        return FIRST["rehearse"]
    return FIRST.get(key.split(".")[0], STEPS[0])


def name(values: dict[str, str], keys: Sequence[str]) -> str:
    """A name such as `strategy=hard,k=100`, with the whole key if two of `keys` have the same last
    word. Empty for no values."""
    ends = [key.rpartition(".")[2] for key in keys]
    parts = []
    for key, value in values.items():
        end = key.rpartition(".")[2]
        short = end if ends.count(end) == 1 else key
        plain = re.sub(r"[^\w.+-]+", "-", value).strip("-")
        parts.append(f"{short}={plain}")
    return ",".join(parts)


def _axis(text: str) -> tuple[str, list[str]]:
    key, equals, values = text.partition("=")
    key = key.strip().lstrip("-").replace("-", "_")
    known = [one for one, _ in config.fields()]
    if not equals:
        raise UserError(f"--vary {text}: expected SETTING=VALUE,VALUE,…")
    if key not in known:
        raise UserError(f"--vary {text}: unknown setting `{key}`; {nearest(key, known)}")
    if key in REFUSED:
        raise UserError(f"--vary {text}: {key} cannot be varied: {REFUSED[key]}")
    return key, [value.strip() for value in values.split(",") if value.strip()]
