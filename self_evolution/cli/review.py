"""review: test questions and pairs, one after the other by keystrokes, or as a file to edit."""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

from self_evolution.cli.output import json_lines
from self_evolution.cli.reviewing import review_pairs, review_questions
from self_evolution.documents.readers.items import read_rows
from self_evolution.errors import UserError
from self_evolution.evaluation import review as stage
from self_evolution.evaluation import reviews
from self_evolution.progress import Progress
from self_evolution.run.open import Request, open_run
from self_evolution.run.read import RunReader, read_run
from self_evolution.text.counts import many


def review(options: argparse.Namespace) -> int:
    folder = Path(options.source)
    if sum(map(bool, (options.imported, options.output, options.apply, options.pairs))) > 1:
        raise UserError("--output, --import, --apply and --pairs: give one of them")
    if not (options.imported or options.apply):
        if options.output or not (options.pairs or _at_terminal()):
            with read_run(folder) as run, json_lines(options.output) as write:
                for line in stage.lines(run.ledger):
                    write(line)
            return 0
        with closing(RunReader(folder)) as reader:
            (review_pairs if options.pairs else review_questions)(reader, options.reviewer.strip())
        for told in reviews.told(folder):
            print(told)
        return 0
    rows = read_rows(Path(options.imported)) if options.imported else []
    with open_run(folder, Request(), Progress()) as run:
        if options.apply:
            edited, struck = reviews.apply(run)
        else:
            edited, struck = stage.take_back(run, rows, options.imported)
        lock = run.ledger.items.locks()[-1]
    if edited or struck:
        changes = f"{edited:,} edited, {struck:,} struck out"
    else:
        changes = "nothing has changed"
    print(f"review: {changes}; {many(lock.items, 'question')} locked as version {lock.version}")
    return 0


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()
