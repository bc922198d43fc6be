"""Commands on a run."""

from __future__ import annotations

import argparse
import contextlib
from pathlib import Path

from self_evolution import evolve
from self_evolution import report as pages
from self_evolution.cli import fragments
from self_evolution.cli import status as closing
from self_evolution.cli.foresee import foresee, in_time
from self_evolution.cli.then import then
from self_evolution.errors import UserError
from self_evolution.evaluation.corrections.take_in import waiting
from self_evolution.evaluation.reviews import told
from self_evolution.ledger import FeedbackStore
from self_evolution.progress import Progress
from self_evolution.run.open import Request, open_run
from self_evolution.run.process import is_running
from self_evolution.run.read import read_run
from self_evolution.schedule import STAGES, has, left, out_of_patience
from self_evolution.stages import perform
from self_evolution.text.counts import many


def run(options: argparse.Namespace) -> int:
    """Run everything from documents to the report, or the rest of it."""
    folder = _folder(options)
    with then(options.then, folder), contextlib.ExitStack() as stack:
        request, planned = in_time(options.hours, _request(options), folder, progress := Progress())
        run = stack.enter_context(open_run(folder, request, progress, new=True))
        foresee(run, planned)
        complete = not left(run.config, run.ledger)
        if complete:
            run.progress.say(f"{run.folder} is complete: nothing to do")
            if rows := waiting(run.ledger, FeedbackStore(run.folder)):
                run.progress.say(
                    f"{run.folder} has {many(len(rows), 'correction')} to learn from; "
                    f"`self-evolution run --run {run.folder} --generations +1` trains one more "
                    "generation with them"
                )
        evolve.evolve(run)
        page = run.folder / "report" / "index.html"
        if not complete or not page.is_file():
            pages.write(run.config, run.ledger, page)
        closing.show(run.config, run.ledger)
        print(f"report: {page}")
    return 0


def read(options: argparse.Namespace) -> int:
    """The first stage: of a run that is there, or it makes the run; or a filter on documents."""
    if options.output and options.run:
        raise UserError(
            "--output and --run: give one of them; a run keeps its fragments in itself "
            "(`self-evolution dump`)"
        )
    if options.output:
        return fragments.write(_request(options), options.output)
    if not options.run and len(options.documents) == 1:
        folder = Path(options.documents[0])
        if (folder / "run.db").is_file():
            options.run, options.documents = str(folder), []
    request = _request(options)._replace(reads=True, again=options.again)
    with open_run(_folder(options), request, Progress(), new=True) as run:
        if not perform(run, 0, "read"):
            print("read: nothing has changed")
    return 0


def stage(options: argparse.Namespace) -> int:
    """Run one stage of the current generation."""
    name: str = options.command
    with open_run(Path(options.source), _request(options), Progress()) as run:
        if not has(run.config, name):
            flag = STAGES[name].setting.replace("_", "-")
            raise UserError(f"{name}: this run does not have that stage; --{flag} switches it on")
        todo = [step for step in left(run.config, run.ledger) if step[1] == name]
        if not todo:
            spent = out_of_patience(run.config, run.ledger)
            last = run.ledger.evaluations.last() if spent else run.config.generations
            print(f"{name}: done in every generation up to {last}")
        else:
            perform(run, *todo[0])
    return 0


def status(options: argparse.Namespace) -> int:
    with read_run(Path(options.source)) as run:
        closing.show(run.config, run.ledger)
        closing.show_next(run.config, run.ledger, is_running(run.folder))
        for line in told(run.folder):
            print(line)
    return 0


def report(options: argparse.Namespace) -> int:
    page = Path(options.source) / "report" / "index.html"
    with read_run(Path(options.source)) as run:
        pages.write(run.config, run.ledger, page)
    print(f"report: {page}")
    return 0


def _folder(options: argparse.Namespace) -> Path:
    return Path(options.run or f"runs/{Path(options.recipe or 'default').stem}")


def _request(options: argparse.Namespace) -> Request:
    return Request(
        recipe=getattr(options, "recipe", ""),
        overrides=options.overrides,
        documents=tuple(getattr(options, "documents", ())),
        accept_change=options.accept_change,
    )
