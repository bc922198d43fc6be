"""The progress of long work: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

_listener: ContextVar[Any] = ContextVar("listener", default=None)


def pulse(tokens: int) -> None:
    """Report that so many more tokens were read or written, to the progress that is shown."""
    if listener := _listener.get():
        listener(tokens)


class Bar(Protocol):
    def advance(self, done: int) -> None:
        """Report that `done` more items are done and stored in the ledger."""


class Progress:
    """Bars with rate and remaining time in a terminal, otherwise a line now and then."""

    def __init__(self, quiet: bool = False, seconds_between_lines: float = 10.0) -> None:
        self._quiet = quiet
        self._pause = seconds_between_lines
        self._terminal = sys.stderr.isatty()
        self._told: set[str] = set()

    def say(self, text: str) -> None:
        if not self._quiet:
            print(text, file=sys.stderr, flush=True)

    def print_once(self, text: str) -> None:
        """Print a text, unless it is empty or was printed before."""
        if text and text not in self._told:
            self._told.add(text)
            self.say(text)

    @contextmanager
    def bar(self, label: str, unit: str, total: int, done: int) -> Iterator[Bar]:
        """Show work on `total` items of which `done` were there before."""
        if self._quiet:
            yield _Silent()
        elif self._terminal:
            with _rich_bar(label, unit, total, done) as bar:
                yield bar
        else:
            lines = _Lines(label, unit, total, done, self._pause)
            yield lines
            lines.end()


class _Silent:
    def advance(self, done: int) -> None:
        pass


class _Lines:
    def __init__(self, label: str, unit: str, total: int, done: int, pause: float) -> None:
        self._label, self._unit, self._total, self._pause = label, unit, total, pause
        self._first = self._done = done
        self._start = self._last = time.monotonic()
        self._said = -1

    def advance(self, done: int) -> None:
        self._done += done
        if time.monotonic() - self._last >= self._pause:
            self._last = time.monotonic()
            self._say()

    def end(self) -> None:
        if self._said != self._done:
            self._say()

    def _say(self) -> None:
        self._said = self._done
        seconds = time.monotonic() - self._start
        pace = _pace(self._done - self._first, self._total - self._done, seconds)
        text = f"{self._label:<22} {self._done:>7,}/{self._total:,} {self._unit}"
        print(f"{text}, {pace}", file=sys.stderr, flush=True)


def _pace(new: float, left: float, seconds: float) -> str:
    """Format the rate of the `new` items over all these seconds, and the time left (or taken)."""
    rate = new / max(seconds, 1e-6)
    if left <= 0:
        return f"{rate:,.1f}/s, {clock(seconds)}"
    return f"{rate:,.1f}/s" + (f", {clock(left / rate)} left" if rate else "")


@contextmanager
def _rich_bar(label: str, unit: str, total: int, done: int) -> Iterator[Bar]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
    from rich.text import Text

    class Pace(ProgressColumn):
        """Rich's own columns follow the last seconds only, in which no whole batch may end."""

        def render(self, task: Any) -> Text:
            new, left = task.completed - done, task.total - task.completed
            return Text(_pace(new, left, task.elapsed or 0.0) if new else "", "cyan")

    columns = (
        TextColumn("{task.description:<22}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn(unit),
        Pace(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total, completed=done)

        class Shown:
            def advance(self, done: int) -> None:
                progress.advance(task, done)

        yield Shown()


def clock(seconds: float) -> str:
    """Format a time for people: 42 s, 3 min 10 s, 2 h 05 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
