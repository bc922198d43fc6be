"""The product's result on the files, by its own command: `self-evolution read … -o FILE`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple


class Reading(NamedTuple):
    """A file's fragments in order (rows of the command's JSONL), or why there are none."""

    title: str
    fragments: list[dict[str, Any]]
    problem: str = ""


def readings(folder: Path, files: Sequence[str]) -> dict[str, Reading]:
    """{file: reading} of the files in the folder; an archive's members count as its own."""
    found: dict[str, Reading] = {}
    # The longest name first: a.txt is no part of a.txt.zip.
    known = sorted(files, key=len, reverse=True)
    rows, complaint = _read([folder / file for file in files])
    if not rows:
        sys.exit(complaint)
    for row in rows:
        name = row["document"].removeprefix(f"{folder}/")
        file = next((one for one in known if name.startswith(one)), name)
        found.setdefault(file, Reading(row["title"], [])).fragments.append(row)
    for file in files:
        if file not in found:  # alone, so that the command says why
            rows, complaint = _read([folder / file])
            found[file] = Reading("", rows, complaint)
    return found


def _read(paths: Sequence[Path]) -> tuple[list[dict[str, Any]], str]:
    """The rows of one call of the command, and what it said of failures."""
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / "fragments.jsonl"
        order = [sys.executable, "-m", "self_evolution", "read", *map(str, paths), "-o", str(out)]
        done = subprocess.run(order, capture_output=True, text=True, check=False)
        lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    return [json.loads(line) for line in lines if line], done.stderr.strip()
