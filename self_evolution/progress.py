"""The progress of long work: bars in a terminal, plain lines elsewhere, and how it is stopped.

Something is said within FIRST seconds of the beginning of any work, and then every few seconds,
also while a model is in the midst of a batch: a thread looks at the clock.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from self_evolution import meter
from self_evolution.errors import Stopped

FIRST = 4.0
"""Seconds after which the first line is said of work that has not said any."""


class _Life:
    """Whether the models of this process may be interrupted."""

    interruptible = 0


@contextmanager
def interruptible() -> Iterator[None]:
    """Mark work that a request to stop ends at once, because it changes nothing that is kept."""
    _Life.interruptible += 1
    try:
        yield
    finally:
        _Life.interruptible -= 1


def interrupt(reason: type[Stopped] = Stopped) -> None:
    """Raises the `reason` if the work at hand is interruptible; to be called by a signal's
    handler."""
    if _Life.interruptible:
        raise reason


class Bar(Protocol):
    def advance(self, done: int) -> None:
        """Report that `done` more items are done and stored in the ledger."""


class Count(NamedTuple):
    """How far a bar is: `done` of `total` items, of which `first` were there before it began."""

    label: str
    unit: str
    first: int
    done: int
    total: int


class Progress:
    """Bars with rate and remaining time in a terminal, otherwise a line now and then."""

    def __init__(self, quiet: bool = False, seconds_between_lines: float = 9.0) -> None:
        self._quiet = quiet
        self._pause = seconds_between_lines
        self._terminal = sys.stderr.isatty()
        self._told: set[str] = set()
        self._bars = 0
        self._last = time.monotonic()  # when something was said
        self.watcher: Callable[[Count], None] | None = None
        """Is called when a bar begins, and after each of its advances, also where all is quiet."""
        self.note = ""
        """A few words that stand beside the bar, such as the loss. A new bar has none."""

    def say(self, text: str) -> None:
        if not self._quiet:
            self._last = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    def print_once(self, text: str) -> None:
        """Print a text, unless it is empty or was printed before."""
        if text and text not in self._told:
            self._told.add(text)
            self.say(text)

    @contextmanager
    def work(self, label: str) -> Iterator[None]:
        """Say now and then that this work goes on, as long as no bar shows it."""
        pace = _Pace()

        def say() -> None:
            if not self._bars:
                self.say(f"{label:<22} {clock(pace.seconds)}{pace.tokens()}")

        with self._ticking(say):
            yield

    @contextmanager
    def bar(self, label: str, unit: str, total: int, done: int) -> Iterator[Bar]:
        """Show work on `total` items of which `done` were there before."""
        self.note = ""
        with self._shown(label, unit, total, done) as shown:
            if self.watcher is None:
                yield shown
            else:
                yield _Watched(shown, self.watcher, Count(label, unit, done, done, total))

    @contextmanager
    def _shown(self, label: str, unit: str, total: int, done: int) -> Iterator[Bar]:
        if self._quiet:
            yield _Silent()
            return
        self._bars += 1
        try:
            if self._terminal:
                with _rich_bar(label, unit, total, done, lambda: self.note) as bar:
                    yield bar
            else:
                lines = _Lines(self.say, label, unit, total, done, lambda: self.note)
                with self._ticking(lines.say):
                    yield _Said(lines, self._due)
                lines.end()
        finally:
            self._bars -= 1

    def _due(self, pause: float = 0.0) -> bool:
        return time.monotonic() - self._last >= (pause or self._pause)

    @contextmanager
    def _ticking(self, say: Callable[[], None]) -> Iterator[None]:
        """Call `say` in a thread whenever nothing was said for a while."""
        if self._quiet:
            yield
            return
        over = threading.Event()
        self._last = time.monotonic()

        def tick() -> None:
            pause = min(FIRST, self._pause)
            while not over.wait(0.5):
                if self._due(pause):
                    say()
                    pause = self._pause

        thread = threading.Thread(target=tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


class _Silent:
    def advance(self, done: int) -> None:
        pass


class _Watched:
    """A bar that also tells the watcher how far it is."""

    def __init__(self, shown: Bar, watcher: Callable[[Count], None], count: Count) -> None:
        self._shown, self._watcher, self._count = shown, watcher, count
        watcher(count)

    def advance(self, done: int) -> None:
        self._shown.advance(done)
        self._count = self._count._replace(done=self._count.done + done)
        self._watcher(self._count)


class _Pace:
    """Seconds since the beginning, and the tokens a second since it was last asked for them."""

    def __init__(self) -> None:
        self._start = self._asked = time.monotonic()
        self._tokens = meter.tokens()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def tokens(self) -> str:
        """Say how many tokens a second there were; nothing if there were none."""
        now, tokens = time.monotonic(), meter.tokens()
        rate = (tokens - self._tokens) / max(now - self._asked, 1e-6)
        self._asked, self._tokens = now, tokens
        return f", {rate:,.0f} tokens/s" if rate else ""


class _Lines:
    def __init__(
        self,
        say: Callable[[str], None],
        label: str,
        unit: str,
        total: int,
        done: int,
        note: Callable[[], str],
    ) -> None:
        self._note = note
        self._print, self._label, self._unit, self._total = say, label, unit, total
        self._first = self.done = done
        self._pace = _Pace()
        self._said = -1

    def end(self) -> None:
        if self._said != self.done:
            self.say()

    def say(self) -> None:
        self._said = self.done
        pace = _pace(self.done - self._first, self._total - self.done, self._pace.seconds)
        text = f"{self._label:<22} {self.done:>7,}/{self._total:,} {self._unit}"
        self._print(f"{text}, {pace}{self._pace.tokens()}{_behind(self._note())}")


class _Said:
    """A bar of lines: one is said when an item is done and it is time."""

    def __init__(self, lines: _Lines, due: Callable[[], bool]) -> None:
        self._lines, self._due = lines, due

    def advance(self, done: int) -> None:
        self._lines.done += done
        if self._due():
            self._lines.say()


def _behind(note: str) -> str:
    return f", {note}" if note else ""


def _pace(new: float, left: float, seconds: float) -> str:
    """Format the rate of the `new` items over all these seconds, and the time left (or taken)."""
    rate = new / max(seconds, 1e-6)
    if left <= 0:
        return f"{rate:,.1f}/s, {clock(seconds)}"
    return f"{rate:,.1f}/s" + (f", {clock(left / rate)} left" if rate else "")


@contextmanager
def _rich_bar(
    label: str, unit: str, total: int, done: int, note: Callable[[], str]
) -> Iterator[Bar]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
    from rich.text import Text

    class Pace(ProgressColumn):
        """Rich's own columns follow the last seconds only, in which no whole batch may end."""

        max_refresh = 1.0
        pace = _Pace()

        def render(self, task: Any) -> Text:
            new, left = task.completed - done, task.total - task.completed
            seconds = task.elapsed or 0.0
            shown = _pace(new, left, seconds) if new else clock(seconds)
            return Text(shown + self.pace.tokens() + _behind(note()), "cyan")

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
