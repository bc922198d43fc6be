"""plan: what a run will take and whether it can work, found out before hours are spent on it."""

from __future__ import annotations

import argparse
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.progress import Progress
from self_evolution.run import Run
from self_evolution.run.open import Request, check_request
from self_evolution.run.process import stop_signals

if TYPE_CHECKING:
    from self_evolution.forecast.hours import Plan
    from self_evolution.forecast.probe import Probe


def plan(options: argparse.Namespace) -> int:
    """Probe, and print what the run would take; status 1 if it cannot work. Nothing is kept."""
    from self_evolution.export.exporting import format_module
    from self_evolution.export.foreseeing import export_obstacles
    from self_evolution.forecast import words
    from self_evolution.forecast.verdict import obstacles

    if options.to:
        format_module(options.to)  # a wrong name is told at once
    with probed(_request(options), Progress(), options.hours) as probe:
        found = probe.asked_for()
        told, chosen = [*words.lines(found), words.summary(found)], None
        if options.hours:
            chosen, fits = _chosen(probe, options.hours)
            told += ["", *_planned(chosen)] if fits and chosen.changes else []
        final = chosen.forecast if chosen and fits else found
        told += ["", *words.describe(probe.stages, final), *_cost(probe)]
        reasons = list(obstacles(probe.stages, final, Path.cwd()))
        if chosen and not fits:
            reasons.append(too_long(options.hours, chosen))
        if options.to:
            reasons += export_obstacles(
                probe.stages.run, options.to, options.quantisation, options.accept_loss
            )
    for line in told:
        print(line)
    for reason in reasons:
        print(f"no: {reason}")
    if not reasons:
        print("nothing is in the way of this run")
        if options.hours and chosen:
            print(_command(options, chosen))
    return 1 if reasons else 0


@contextmanager
def probed(request: Request, progress: Progress, hours: float | None) -> Iterator[Probe]:
    """A probe of a new run, whose folder is thrown away. Raises UserError if there is nothing to
    ask about, or if `hours` are given and a server writes the replies."""
    from self_evolution.forecast.probe import Probe
    from self_evolution.stages import perform

    settings = check_request(request, progress)
    if hours and settings.model.generator:
        raise UserError(
            f"--hours {hours:g}: how long the server of --model.generator takes is not known; "
            "leave --hours out, and choose --generations and --ask.per-fragment yourself"
        )
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
            with progress.work("probe"):
                yield Probe(run)


def _chosen(probe: Probe, hours: float) -> tuple[Plan, bool]:
    from self_evolution.forecast.hours import choose

    return choose(probe.stages, probe.stages.run.config, hours)


def too_long(hours: float, smallest: Plan) -> str:
    """Say that no plan ends in so many hours, and how long the smallest one takes."""
    from self_evolution.forecast import words

    return (
        f"no plan ends in {hours:g} hours: the smallest one takes "
        f"{words.summary(smallest.forecast)}; give more --hours, fewer documents, or a "
        "smaller model"
    )


def _planned(chosen: Plan) -> Iterator[str]:
    from self_evolution.forecast import words

    changes = ", ".join(f"{flag} {value}" for flag, value in flags(chosen.changes))
    yield f"to end in time: {changes}"
    yield from words.lines(chosen.forecast)
    yield words.summary(chosen.forecast)


def _cost(probe: Probe) -> Iterator[str]:
    sample = probe.sample
    yield f"the probe took {sample.seconds:,.0f} s ({sample.cpu_seconds:,.0f} s of CPU time)"


def _command(options: argparse.Namespace, chosen: Plan) -> str:
    """The command that does what was planned."""
    words = ["self-evolution", "run", *options.documents]
    words += ["--recipe", options.recipe] if options.recipe else []
    for flag, value in flags({**options.overrides, **chosen.changes}):
        words += [flag, value]
    return shlex.join(words)


def flags(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Settings as they are given on the command line."""
    for key, value in values.items():
        listed = isinstance(value, list | tuple)
        yield "--" + key.replace("_", "-"), ",".join(value) if listed else str(value)


def _request(options: argparse.Namespace) -> Request:
    return Request(options.recipe, options.overrides, tuple(options.documents))
