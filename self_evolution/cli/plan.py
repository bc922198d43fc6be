"""plan: whether a run can work, found out with a few fragments before hours are spent on it."""

from __future__ import annotations

import argparse
import tempfile
from contextlib import closing
from pathlib import Path

from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.progress import Progress
from self_evolution.run import Run
from self_evolution.run.open import Request, check_request
from self_evolution.run.process import stop_signals


def plan(options: argparse.Namespace) -> int:
    """Probe, and print what would come of the run; status 1 if it cannot work. Nothing is kept."""
    from self_evolution.export.exporting import format_module
    from self_evolution.export.foreseeing import export_obstacles
    from self_evolution.forecast.probe import probe
    from self_evolution.forecast.verdict import describe, obstacles
    from self_evolution.stages import perform

    if options.to:
        format_module(options.to)  # a wrong name is told at once
    request = Request(options.recipe, options.overrides, tuple(options.documents))
    progress = Progress()
    settings = check_request(request, progress)
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Ledger(Path(folder) / "run.db")) as ledger,
    ):
        run = Run(Path(folder), settings, ledger, progress)
        with stop_signals(run):
            perform(run, 0, "read")
            perform(run, 0, "split")
            if not run.ledger.fragments.for_training():
                raise UserError("no fragment to ask about in these documents; give others")
            sample = probe(run, Path(folder))
            told = list(describe(run, sample))
            reasons = list(obstacles(run, sample))
            if options.to:
                reasons += export_obstacles(
                    run, options.to, options.quantisation, options.accept_loss
                )
    for line in told:
        print(line)
    for reason in reasons:
        print(f"no: {reason}")
    if not reasons:
        print("nothing is in the way of this run")
    return 1 if reasons else 0
