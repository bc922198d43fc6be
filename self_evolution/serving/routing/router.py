"""Routing: an answer from memory, from the passages that the search finds, or none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from self_evolution.records import Fragment
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import PASSAGES as SOME
from self_evolution.serving.answering import Answerer, Turn
from self_evolution.serving.answering import Question as Put
from self_evolution.serving.routing import calibration
from self_evolution.serving.routing.asking import Told, tell
from self_evolution.serving.routing.calibration import Calibration, calibrate, choose
from self_evolution.serving.routing.evidence import Coverage, Question, ranges
from self_evolution.serving.routing.logistic import Reliability, reliability
from self_evolution.serving.routing.marks import Mark, mark
from self_evolution.serving.sources import Source
from self_evolution.text.language import detect

MEMORY, PASSAGES, NOTHING = "memory", "passages", "nothing"
"""The three ways of an answer: the closed book, passages in the prompt, not found."""

RECHECKED = 60.0
"""Seconds after which it is looked up again whether the run has changed."""

_NOT_FOUND = {"zh": "文档中没有找到答案。"}
_DEFAULT = "Not found in the documents."


class Routed(NamedTuple):
    """An answer, the way in which it was found, and how reliable answers like it were.

    `sources` are the passages that were found, the best first, and `marks` the sentence of each
    that supports the answer, if one does. With the way NOTHING they are merely the nearest.
    `reliability` is None where it is not known: with too few test questions, all questions are
    answered from passages.
    """

    text: str
    way: str
    sources: list[Source]
    marks: list[Mark | None]
    generation: int
    cut: bool
    reliability: Reliability | None


class Pending(NamedTuple):
    """A question whose way is not chosen yet.

    `questions` are what the model has to answer first: from memory (only where there is a
    calibration), and with the passages that were found.
    """

    known: Calibration
    question: str
    history: Sequence[Turn]
    questions: list[Put]


class Router:
    """Answers questions of any number of threads, each in the way that fits it.

    A generation is calibrated when it is first asked; the result is kept in the run's folder.
    """

    def __init__(
        self, run: RunReader, answerer: Answerer, say: Callable[[str], None] = lambda _: None
    ) -> None:
        self._run, self._answerer, self._say = run, answerer, say
        self._lock = threading.Lock()
        self._known: dict[int, tuple[float, Calibration]] = {}

    def calibration(self, generation: int) -> Calibration:
        """The calibration of a generation: as it is kept, or made now."""
        with self._lock:
            checked, known = self._known.get(generation, (0.0, None))
            if known and time.monotonic() - checked < RECHECKED:
                return known
            with self._run.snapshot():
                if not known or known.made_from != calibration.digest(self._run, generation):
                    known = calibration.load(self._run, generation)
            if known is None:
                args = (self._run, self._answerer, generation, self._limit(None), self._say)
                known = calibrate(*args)
                if known.models:
                    calibration.keep(self._run, known)
            self._known[generation] = time.monotonic(), known
            return known

    def answer(
        self,
        question: str,
        history: Sequence[Turn] = (),
        generation: int = 0,
        limit: int | None = None,
        document: str | None = None,
        on_text: Callable[[str], None] | None = None,
    ) -> Routed:
        """The answer to a question; with a `document`, from the passages of that one alone.

        The model answers from memory and with passages, both in one batch, unless it is clear
        before that nothing is found. `on_text` gets the pieces of both answers, as a sign of life:
        which of them counts is decided at their end. Raises UserError as `Answerer.put` does.
        """
        known = self.calibration(generation)
        pending = self.put(known, question, history, generation, limit, document)
        found = self.not_found(pending)
        return found or self.decide(pending, tell(self._answerer, pending.questions, on_text))

    def put(
        self,
        known: Calibration,
        question: str,
        history: Sequence[Turn] = (),
        generation: int = 0,
        limit: int | None = None,
        document: str | None = None,
    ) -> Pending:
        """A question as the model has to answer it before the way of its answer is chosen."""
        put = self._answerer.put(question, history, generation, self._limit(limit), document)
        questions = [put]
        if known.models is not None:
            questions.insert(0, self._answerer.put(question, history, generation, 0))
        return Pending(known, question, history, questions)

    def not_found(self, pending: Pending) -> Routed | None:
        """The answer to a question to which no answer of the model could be reliable enough.

        `decide` would give it whatever the model answers, so the model need not be asked. None if
        the model must be asked.
        """
        known = pending.known
        if known.models is None:
            return None
        fragments, mastery = self._facts(pending)
        covered = Coverage(self._run.ledger).of(_whole(pending), fragments)
        for model, some in zip(known.models, ranges(covered, mastery), strict=True):
            if model.highest(some) >= known.threshold:
                return None
        put = pending.questions[-1]
        nothing = Told("", None)
        return self._routed(pending.question, NOTHING, nothing, put.sources, put.generation, None)

    def decide(self, pending: Pending, told: Sequence[Told]) -> Routed:
        """The answer to a question; `told` are the model's answers to `pending.questions`."""
        known, question, _, questions = pending
        put = questions[-1]
        shown, generation = put.sources, put.generation
        if known.models is None:
            way = PASSAGES if shown else MEMORY
            return self._routed(question, way, told[0], shown, generation, None)
        closed, opened = told
        asked = Question(_whole(pending), closed, opened, *self._facts(pending))
        numbers = asked.numbers(Coverage(self._run.ledger))
        chances = [
            model.chances([row])[0] for model, row in zip(known.models, numbers, strict=True)
        ]
        kind = choose(chances[0], chances[1], asked.agree, known.threshold)
        if kind is not None and (one := (closed, opened)[kind]).text:
            measured = reliability(known.known[kind], chances[kind])
            way = (MEMORY, PASSAGES)[kind]
            return self._routed(question, way, one, shown, generation, measured)
        return self._routed(question, NOTHING, opened, shown, generation, None)

    def _facts(self, pending: Pending) -> tuple[list[Fragment], float]:
        """The passages that were found, and how much of the document of the best one is known."""
        shown = [one.fragment_id for one in pending.questions[-1].sources]
        fragments = self._run.ledger.fragments.get(shown)
        document = fragments[0].document_id if fragments else ""
        return fragments, dict(pending.known.documents).get(document, 0.5)

    def _routed(
        self,
        question: str,
        way: str,
        told: Told,
        places: list[Source],
        generation: int,
        measured: Reliability | None,
    ) -> Routed:
        if way == NOTHING:
            text = _NOT_FOUND.get(detect(question), _DEFAULT)
            return Routed(text, way, places, [None] * len(places), generation, False, None)
        marks = [
            mark(question, told.text, fragment.text)
            for fragment in self._run.ledger.fragments.get([one.fragment_id for one in places])
        ]
        return Routed(told.text, way, places, marks, generation, told.cut, measured)

    def _limit(self, limit: int | None) -> int:
        return self._run.config.evaluate.top_k or SOME if limit is None else limit


def _whole(pending: Pending) -> str:
    """A follow-up is understood from the question before it, which was searched for too."""
    history, question = pending.history, pending.question
    return f"{history[-1].question}\n{question}" if history else question
