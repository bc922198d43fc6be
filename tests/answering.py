"""A scripted model that answers questions, and a finished run of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from conftest import RULES

from self_evolution import cli

SCRIPT = {
    "rules": [
        *RULES["rules"][:2],
        {
            "pattern": r"The (\w+) of ([\w ]+?) is ([^.]+)\..*(What is|Tell me) the",
            "reply": r"The \1 of \2 is \3.",
        },
        {
            "pattern": r"(What is|Tell me) the (\w+) of ([\w ]+)",
            "reply": r"I do not know the \2 of \3.",
        },
    ],
    "default": "I do not know.",
}
"""It reads a passage well, and says of what it does not know that it does not know it."""


def write_script(folder: Path) -> Path:
    path = folder / "script.json"
    path.write_text(json.dumps(SCRIPT), encoding="utf-8")
    return path


def finished_run(arguments: Callable[..., list[str]], folder: Path) -> Path:
    """A finished run of one generation in `folder`, which leads."""
    assert cli.main(arguments("run", "--generations", "1")) == 0
    with closing(sqlite3.connect(folder / "run" / "run.db")) as database, database:
        database.execute("UPDATE promotion SET promoted = 1")
    return folder / "run"
