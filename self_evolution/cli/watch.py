"""watch: a run as it goes on, in the terminal."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from self_evolution import config
from self_evolution.cli import status, tables
from self_evolution.errors import printable
from self_evolution.progress import clock
from self_evolution.run.outlook import Outlook, describe
from self_evolution.run.read import RunReader
from self_evolution.serving.progress import LastPair, Progress, read_progress
from self_evolution.text.counts import many

PAUSE = 1.0
"""Seconds between two looks."""

_AROUND, _LINES = 11, 2
"""Lines of the picture beside those of generations (the table's head, the leader, blank ones), and
the most lines of a generation."""


def watch(options: argparse.Namespace) -> int:
    """Show how far a run is until it is complete. Ctrl-C ends the watching, not the run."""
    with closing(RunReader(Path(options.source))) as run:
        _ = run.config  # so that a run without settings is refused here
        try:
            if sys.stdout.isatty():
                _live(run)
            else:
                _lines(run)
        except KeyboardInterrupt:
            return 130
    return 0


def _live(run: RunReader) -> None:
    """One picture, which is drawn anew."""
    with Live(auto_refresh=False) as live:
        while True:
            progress = read_progress(run)
            live.update(_picture(live.console, run, progress), refresh=True)
            if progress.state != "unfinished":
                return
            time.sleep(PAUSE)


def _picture(console: Console, run: RunReader, progress: Progress) -> RenderableType:
    lines = [_state(run, progress), *_times(progress), *_training(progress)]
    lines += [line for pair in progress.pairs for line in _pair(pair)]
    texts = [Text(line, no_wrap=True, overflow="ellipsis") for line in lines]
    texts[0].no_wrap = False
    texts[0].stylize("bold")
    newest = 0
    if progress.state == "unfinished":  # the picture must fit, as it cannot be scrolled
        newest = max(1, (console.height - len(lines) - _AROUND) // _LINES)
    return Group(*texts, Text(), *_results(console, run, newest))


def _results(console: Console, run: RunReader, newest: int = 0) -> list[RenderableType]:
    """The table that `status` shows; with `newest`, of so many generations and the leader."""
    with run.snapshot():
        settings = config.parse(run.ledger.meta("settings"), str(run.folder))
        return [*tables.fitting(console, *status.results(settings, run.ledger, newest))]


def _lines(run: RunReader) -> None:
    """A line for whatever has changed since the last look; the results at the end."""
    told: set[str] = set()
    state = ""
    while True:
        progress = read_progress(run)
        for line in _news(progress):
            if line not in told:
                told.add(line)
                print(line, flush=True)
        if state != (state := _state(run, progress)):
            print(state, flush=True)
        if progress.state != "unfinished":
            break
        time.sleep(PAUSE)
    console = Console()
    for table in _results(console, run):
        console.print(table)


def _news(progress: Progress) -> Iterator[str]:
    """Lines that are each told once."""
    for one in progress.stages:
        if one.done:
            note = f": {one.note}" if one.note else ""
            yield f"generation {one.generation}: {one.stage} is done, {clock(one.seconds)}{note}"
    yield from _training(progress)
    for pair in reversed(progress.pairs):
        yield " ".join(line.strip() for line in _pair(pair))


def _state(run: RunReader, progress: Progress) -> str:
    """Describe the stage that is at work, or say why none is."""
    if progress.state == "patience":
        return "the run ended early: too many generations in a row were not promoted"
    if progress.state == "complete":
        return f"complete: {many(progress.generations, 'generation')}"
    at = f"{progress.stage} of generation {progress.generation}"
    if not progress.running:
        return f"stopped before the end of {at}; {_idle(run)}"
    if not (count := progress.count):
        return f"at work: {at}"
    what = f" ({count.work})" if count.work != progress.stage else ""
    note = f", {count.note}" if count.note else ""
    return f"at work: {at}{what}, {count.done:,} of {count.total:,} {count.unit}{note}"


def _idle(run: RunReader) -> str:
    return (
        "no process is at work on this run; "
        f"`self-evolution run --run {shlex.quote(str(run.folder))}` goes on with it"
    )


def _times(progress: Progress) -> Iterator[str]:
    if progress.state != "unfinished":
        yield f"the run took {clock(progress.run_seconds)}"
        return
    left = progress.count.seconds_left if progress.count else None
    more = f", about {clock(left)} left of this part" if left is not None else ""
    yield f"this stage {clock(progress.seconds)}{more}; the run {clock(progress.run_seconds)}"
    if progress.left:
        yield describe(Outlook(**dict(progress.left)))
    then = ", ".join(progress.then) or "nothing more in this generation"
    later = progress.to_go - 1 - len(progress.then)
    yield f"then: {then}" + (f"; {many(later, 'stage')} of later generations" if later else "")


def _training(progress: Progress) -> Iterator[str]:
    if last := progress.training:
        yield (
            f"training of generation {last.generation}: loss {last.first_loss:.3f} → "
            f"{last.last_loss:.3f} in {many(last.steps, 'step')} "
            f"on {many(last.examples, 'example')}"
        )


def _pair(pair: LastPair) -> Iterator[str]:
    """A pair with its verdict: a line each for the question and the answer."""
    verdict = {"kept": "kept", "unchecked": "not checked yet"}.get(pair.verdict)
    if verdict is None:
        why = pair.reason.replace("_", " ")
        verdict = f"rejected, {why}" + (f" ({printable(pair.detail)})" if pair.detail else "")
    yield f"{verdict}: {printable(pair.question)}"
    yield f"    {printable(pair.answer)}"
