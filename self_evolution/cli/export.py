"""export: the tuned model for other programs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from self_evolution.progress import Progress
from self_evolution.run.read import RunReader


def export(options: argparse.Namespace) -> int:
    """Export a generation, or put the locked questions to a server that runs the export."""
    if not options.to:
        from self_evolution.cli import dump

        print(
            "export without --to writes rows as JSON lines: this is `self-evolution dump` now",
            file=sys.stderr,
        )
        return dump.tables(options)
    from contextlib import closing

    from self_evolution.export.card import lines
    from self_evolution.export.exporting import Wanted, export, format_module, test_server
    from self_evolution.export.job import job

    format_module(options.to)
    wanted = Wanted(options.to, Path(options.output), options.accept_loss)
    with closing(RunReader(Path(options.source))) as run:
        todo = job(run, options.generation, options.quantisation.lower())
        if options.server:
            found = test_server(todo, wanted, options.server, Progress())
        else:
            found = export(todo, wanted, Progress())
    for line in lines(found):
        print(line)
    print(f"exported: {wanted.folder}")
    return 0
