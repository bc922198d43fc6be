"""Review in the terminal: one thing after the other with its passage, a keystroke each."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from self_evolution.errors import printable
from self_evolution.evaluation import reviews
from self_evolution.evaluation.review import lines
from self_evolution.ledger import Feedback, FeedbackStore, Review, ReviewStore, TrainedPair
from self_evolution.run.adapters import known_adapter
from self_evolution.run.read import RunReader

KEYS = "a accepts, e edits, r rejects, l puts it off, q ends"
_WIDTH = 90


class _Shown(NamedTuple):
    """A question with its answer that is reviewed, and the place of its passage.

    `keep` has the new question and answer of an edit; they are empty for other verdicts.
    """

    question: str
    answer: str
    place: str
    passage: str
    keep: Callable[[str, str, str], object]


def review_questions(run: RunReader, reviewer: str) -> None:
    """Review the test questions that wait for this reviewer. Raises UserError if there are none
    in the run."""
    next(lines(run.ledger), None)  # says what is missing
    found = reviews.questions(run, reviewer)
    store = ReviewStore(run.folder)

    def shown(row: dict[str, object]) -> _Shown:
        def keep(verdict: str, question: str, reference: str) -> object:
            return store.add(Review(str(row["id"]), verdict, question, reference, reviewer))

        heading = row["heading"] if isinstance(row["heading"], list) else []
        place = " · ".join(filter(None, [str(row["document"] or ""), " › ".join(heading)]))
        texts = (str(row["question"]), str(row["reference"]), place, str(row["passage"]))
        return _Shown(*texts, keep)

    done = _review([shown(row) for row in found.waiting], "test questions", question_too=True)
    print(f"{found.reviewed + done:,} of {found.reviewed + len(found.waiting):,} are reviewed")
    if found.fixed:
        print("a model has answered these questions, so they stay as they are")
    else:
        print(f"`self-evolution review {run.folder} --apply` locks them as they were reviewed")


def review_pairs(run: RunReader, reviewer: str) -> None:
    """Review the pairs that wait for this reviewer; what is said is feedback."""
    found = reviews.pairs(run, reviewer)
    store = FeedbackStore(run.folder)
    trained = {row.generation for row in run.ledger.training.adapters()}

    def shown(pair: TrainedPair) -> _Shown:
        (fragment,) = run.ledger.fragments.get([pair.fragment_id or ""])
        generation = pair.generation if pair.generation in trained else 0
        _, digest = known_adapter(run.folder, run.ledger, generation)

        def keep(verdict: str, _: str, answer: str) -> object:
            said = {"accept": "right", "edit": "better", "reject": "wrong"}[verdict]
            texts = (said, pair.question, pair.answer, answer, (fragment.id,))
            return store.add(Feedback(*texts, generation, digest, reviewer))

        place = " › ".join(fragment.heading)
        return _Shown(pair.question, pair.answer, place, fragment.text, keep)

    done = _review([shown(pair) for pair in found.waiting], "pairs", question_too=False)
    print(f"{found.reviewed + done:,} of {found.reviewed + len(found.waiting):,} are reviewed")


def _review(things: Sequence[_Shown], what: str, question_too: bool) -> int:
    """Show one thing after the other until the person ends; returns how many were reviewed."""
    done = 0
    print(f"{len(things):,} {what} to review: {KEYS}")
    with _keys() as key:
        for thing in things:
            print(f"\n{printable(thing.question)}\n  → {printable(thing.answer)}")
            print(f"    {printable(thing.place)}")
            print(textwrap.indent(_folded(thing.passage), "    | "), flush=True)
            while (pressed := key()) not in ("a", "e", "r", "l", "q"):
                print(KEYS, flush=True)
            if pressed == "q":
                break
            if pressed == "l":
                continue
            verdict = {"a": "accept", "e": "edit", "r": "reject"}[pressed]
            question, answer = "", ""
            if pressed == "e":
                try:
                    question, answer = _edited(thing, question_too)
                except EOFError:  # nothing was said of this one
                    break
            if pressed == "e" and (question, answer) == (thing.question, thing.answer):
                verdict, question, answer = "accept", "", ""
            thing.keep(verdict, question, answer)
            done += 1
            print({"a": "accepted", "e": "edited", "r": "rejected"}[verdict[0]], flush=True)
    return done


def _edited(thing: _Shown, question_too: bool) -> tuple[str, str]:
    """The texts that the person types; an empty line keeps a text as it is.

    Raises EOFError if the input ends.
    """
    question = thing.question
    if question_too:
        question = _typed("question (Enter keeps it): ") or question
    return question, _typed("answer (Enter keeps it): ") or thing.answer


def _typed(prompt: str) -> str:
    print(prompt, end="", flush=True)
    if not (line := sys.stdin.readline()):
        raise EOFError
    return line.strip()


def _folded(text: str) -> str:
    folded = (textwrap.wrap(printable(line), _WIDTH) or [""] for line in text.splitlines())
    return "\n".join(part for line in folded for part in line)


@contextmanager
def _keys() -> Iterator[Callable[[], str]]:
    """Reads single keys of a terminal; elsewhere, the first letter of each line."""
    if not sys.stdin.isatty():
        yield lambda: (sys.stdin.readline() or "q").strip().lower()[:1]
        return
    import termios
    import tty

    handle = sys.stdin.fileno()

    def read() -> str:
        before = termios.tcgetattr(handle)
        try:
            tty.setcbreak(handle, termios.TCSADRAIN)  # what is typed ahead counts
            pressed = os.read(handle, 1).decode("latin-1").lower()
            if pressed == "\x1b":  # an arrow and other keys send more, such as "[A"
                termios.tcflush(handle, termios.TCIFLUSH)
        finally:
            termios.tcsetattr(handle, termios.TCSADRAIN, before)
        return "q" if pressed == "\x04" else pressed

    yield read
