"""chat and related: ask the tuned model, and look for the nearest passages."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

from self_evolution.errors import UserError, printable
from self_evolution.ledger import Feedback, FeedbackStore
from self_evolution.run.adapters import known_adapter
from self_evolution.run.process import in_use
from self_evolution.run.read import RunReader, read_run
from self_evolution.serving import sources
from self_evolution.serving.answering import Answered, Answerer, Turn, generation, open_model
from self_evolution.serving.routing import NOT_FOUND, Mark, Router
from self_evolution.serving.sources import Source
from self_evolution.text.counts import many

_CUT = "(cut off: this is the longest answer that the run's settings allow)"
_HELP = """questions follow up on the one before; /new forgets it, /quit or Ctrl-D ends
/right, /wrong or /better TEXT says what you think of the answer; the run learns from it"""


def chat(options: argparse.Namespace) -> int:
    """Answer one question, or each line of standard input."""
    if options.closed and options.passages is not None:
        raise UserError("--closed and --passages: give one of them")
    names = list(dict.fromkeys(filter(None, (options.model, options.beside))))
    with closing(RunReader(Path(options.source))) as run, in_use(run.folder):
        for name in names:
            generation(run, name)
        if not options.closed:
            _ = run.search  # before the model is loaded, which takes long
        with closing(open_model(run)) as engine:
            answerer = Answerer(run, engine)
            talk = _Talk(run, answerer, names, 0 if options.closed else options.passages)
            plain = options.closed or options.passages or options.beside or options.no_routing
            if not plain:
                talk.router = Router(run, answerer, talk.write)
            if options.question:
                talk.ask(options.question)
            elif sys.stdin.isatty():
                _converse(talk)
            else:
                for question in filter(None, map(str.strip, sys.stdin)):
                    talk.write(f"> {question}")
                    talk.ask(question)
                    talk.forget()
    return 0


def related(options: argparse.Namespace) -> int:
    """Print the fragments nearest to a text."""
    text = sys.stdin.read() if options.text is None else options.text
    if not text.strip():
        raise UserError("related: the text is empty; give what to look for")
    with read_run(Path(options.source)) as run:
        found = sources.related(run.ledger, run.search, text, options.limit)
    console = _console()
    if not found:
        console.print("nothing in the documents shares a term with the text")
    for number, source in enumerate(found, 1):
        _print_source(console, number, source)
        console.print(f"   shares: {printable(', '.join(source.shared))}", markup=False)
    return 0


def _converse(talk: _Talk) -> None:
    """Questions from a person at a terminal."""
    with suppress(ImportError):  # a Python without it has no history of input lines
        import readline  # noqa: F401 - gives input() its keys
    talk.write(_HELP)
    for question in _typed():
        command = question.split()[0]
        if command == "/quit":
            return
        if command == "/new":
            talk.forget()
            continue
        try:
            if command in ("/right", "/wrong", "/better"):
                talk.judge(question)
            elif command == "/help":
                talk.write(_HELP)
            elif re.fullmatch("/[a-z]+", command):
                raise UserError(f"{command}: there is no such command\n{_HELP}")
            else:
                talk.ask(question)
        except UserError as error:
            talk.write(str(error))


def _typed() -> Iterator[str]:
    while True:
        try:
            line = input("\n> ").strip()
        except EOFError:
            print()
            return
        if line:
            yield line


class _Talk:
    """One conversation, printed as it goes on, with one model or with two."""

    def __init__(
        self, run: RunReader, answerer: Answerer, names: list[str], limit: int | None
    ) -> None:
        self._run, self._answerer, self._names, self._limit = run, answerer, names, limit
        self._console = _console()
        self._history: dict[str, list[Turn]] = {name: [] for name in names}
        self._last: Feedback | None = None
        self.router: Router | None = None

    def forget(self) -> None:
        """Have the next question follow up on nothing."""
        for turns in self._history.values():
            turns.clear()

    def write(self, text: str) -> None:
        self._console.print(_safe(text), style="dim", markup=False)

    def judge(self, line: str) -> None:
        """Keep what the person says of the last answer: /right, /wrong, or /better TEXT."""
        if self._last is None:
            raise UserError("no answer to judge yet; ask a question first")
        command, *rest = line.split(maxsplit=1)
        verdict, better = command[1:], "".join(rest)
        if verdict == "better" and not better:
            raise UserError("/better: give the better answer after the command")
        if verdict != "better" and better:
            raise UserError(f"{command}: takes no text; to give a better answer, use /better TEXT")
        if verdict != "better" and self._last.answer in NOT_FOUND:
            raise UserError(
                "nothing was answered, so nothing is right or wrong; if you know the answer, teach "
                "it with /better TEXT"
            )
        row = replace(self._last, verdict=verdict, better=better)
        FeedbackStore(self._run.folder).add(row)
        self.write(
            f"kept; `self-evolution run --run {self._run.folder} --generations +1` trains with it"
        )

    def _remember(self, question: str, text: str, shown: list[Source], number: int) -> None:
        """Keep the last answer, so that it can be judged; of two models, that of the first."""
        _, digest = known_adapter(self._run.folder, self._run.ledger, number)
        ids = tuple(one.fragment_id for one in shown)
        self._last = Feedback("right", question, text, "", ids, number, digest)

    def ask(self, question: str) -> None:
        """Print the answer of each model, then the passages that were shown to all of them."""
        if self.router:
            number = generation(self._run, self._names[0])
            known = self.router.calibration(number)
            if known.models:
                turns = self._history[self._names[0]]
                turns.append(Turn(question, self._route(self.router, question, number, turns)))
                return
        answers = []
        for name in self._names:
            number = generation(self._run, name)
            if len(self._names) > 1:
                self.write(f"{_model(self._run, number)}:")
            answers.append(self._answer(question, number, self._history[name]))
            self._history[name].append(Turn(question, answers[-1].text))
        first = answers[0]
        if len(self._names) == 1:
            self.write(f"answered by {_model(self._run, first.generation)}")
        if self.router:
            self.write(
                f"reliability unknown: {known.questions:,} test questions are too few to measure "
                "it, or they are about too few passages"
            )
        self._print_sources(first.sources)
        self._remember(question, first.text, first.sources, first.generation)

    def _route(self, router: Router, question: str, number: int, history: list[Turn]) -> str:
        """Print the answer in the way that fits the question; returns its text."""
        with self._console.status("looking and thinking") as status:
            written = 0

            def hear(piece: str) -> None:
                nonlocal written
                written += len(piece)
                status.update(
                    f"{many(written, 'character')} written; not decided yet which are shown"
                )

            found = router.answer(question, history, number, on_text=hear)
        self._console.print(_safe(found.text), markup=False)
        if found.way == "nothing":
            if found.sources:
                self.write("the nearest passages:")
        else:
            self.write(f"answered by {_model(self._run, number)}, from {found.way}")
            if found.cut:
                self.write(_CUT)
            if one := found.reliability:
                self.write(f"of {many(one.n, 'answer')} like this one {one.share:.0%} were right")
            self.write("sources:" if found.sources else "the search found nothing in the documents")
        for place, (source, mark) in enumerate(zip(found.sources, found.marks, strict=True), 1):
            _print_source(self._console, place, source, mark)
        self._remember(question, found.text, found.sources, number)
        return found.text

    def _answer(self, question: str, number: int, history: list[Turn]) -> Answered:
        show = partial(self._console.print, end="", markup=False)
        stream = (lambda piece: show(_safe(piece))) if self._answerer.streams else None
        answer = self._answerer.answer(question, history, number, self._limit, stream)
        if stream is None:
            show(_safe(answer.text))
        self._console.print("" if answer.text else "(the answer is empty)")
        if answer.cut:
            self.write(_CUT)
        return answer

    def _print_sources(self, found: list[Source]) -> None:
        if found:
            self.write("sources:")
        elif self._limit == 0:
            self.write("from memory: no passage was looked for")
        else:
            self.write("from memory: the search found nothing in the documents")
        for number, source in enumerate(found, 1):
            _print_source(self._console, number, source)


def _model(run: RunReader, number: int) -> str:
    name = f"generation {number}" if number else "the base"
    leads = number == run.ledger.evaluations.leader()
    return f"{name} (leads)" if leads and run.ledger.evaluations.promotions() else name


def _console() -> Console:
    """Plain text where the output is no terminal."""
    return Console(highlight=False, soft_wrap=True, emoji=False)


def _print_source(console: Console, number: int, source: Source, mark: Mark | None = None) -> None:
    """Print where a passage stands, and its beginning, or the sentence that is marked in it."""
    page = f", page {source.page}" if source.page is not None else ""
    place = " · ".join(filter(None, (f"{source.document}{page}", " › ".join(source.heading))))
    console.print(f"{number}. {printable(place)}", style="cyan", markup=False)
    if mark is None:
        console.print(f"   {printable(source.opening)}", markup=False)
        return
    line, done = Text("   "), 0
    for start, end in mark.spans:
        line.append(printable(mark.sentence[done:start]))
        line.append(printable(mark.sentence[start:end]), style="bold underline")
        done = end
    console.print(line.append(printable(mark.sentence[done:])))


def _safe(text: str) -> str:
    """A model's text for a terminal: its lines as they are, other controls as escapes."""
    return "\n".join(map(printable, text.expandtabs(4).split("\n")))
