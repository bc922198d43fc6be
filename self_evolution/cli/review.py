"""review: write the test questions of a run to a file, and read back an edited one."""

from __future__ import annotations

import argparse
from pathlib import Path

from self_evolution.cli.output import json_lines
from self_evolution.documents.readers.items import read_rows
from self_evolution.errors import UserError
from self_evolution.progress import Progress
from self_evolution.run.open import Request, open_run
from self_evolution.run.read import read_run


def review(options: argparse.Namespace) -> int:
    from self_evolution.evaluation import review as stage

    folder = Path(options.source)
    if options.imported and options.output:
        raise UserError("--output and --import: give one of them")
    if not options.imported:
        with read_run(folder) as run, json_lines(options.output) as write:
            for line in stage.lines(run.ledger):
                write(line)
        return 0
    rows = read_rows(Path(options.imported))
    with open_run(folder, Request(), Progress()) as run:
        edited, struck = stage.take_back(run, rows, options.imported)
        lock = run.ledger.items.locks()[-1]
    if edited or struck:
        changes = f"{edited:,} edited, {struck:,} struck out"
    else:
        changes = "nothing has changed"
    print(f"review: {changes}; {lock.items:,} questions are locked as version {lock.version}")
    return 0
