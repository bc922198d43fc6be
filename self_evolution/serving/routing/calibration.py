"""The calibration of the routing on the locked test questions of a run.

The leader answers each test question from memory and from the passages that the search finds. It
also answers questions of two more kinds: made ones that no document answers, and test questions
where the search may not find the right passage. So it is known of each answer whether it is right.
Two models (`logistic.py`) learn from that how likely an answer is to be right, and a threshold is
chosen. Whatever is reported was computed for each document by models that did not see it; questions
that chose the leader are not counted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from self_evolution.errors import UserError
from self_evolution.evaluation.tasks import TESTS
from self_evolution.files import complete
from self_evolution.records import content_id
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import Answerer
from self_evolution.serving.routing.cases import Case, cases, checked, questions
from self_evolution.serving.routing.evidence import Coverage
from self_evolution.serving.routing.logistic import FOLDS, Model, cross_fitted, fit
from self_evolution.text.counts import many

FILE, VERSION = "routing.json", 4
MEMORY, OPENED = 0, 1
"""The places of what belongs to answers from memory, and to those from passages."""
FEWEST = 40
"""Fewer test questions than this say too little: then reliability is unknown."""
MOST = 1000
"""The largest number of test questions that are asked. If there are more, some of them are taken,
spread evenly."""
COST = 20.0
"""A wrong answer weighs as much as this many right ones."""


class Shares(NamedTuple):
    """Numbers of questions: all of them, those that are answered, and those answered wrongly.

    `unanswerable` counts those that no document answers; `answered_unanswerable` counts those of
    them that are answered all the same.
    """

    questions: int
    answered: int
    wrong: int
    unanswerable: int
    answered_unanswerable: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that the routing needs, as `routing.json` holds it for each generation.

    `made_from` is a digest of the leader, the test questions and the search index. `models` are
    those of answers from memory and from passages; an answer is given if its chance reaches
    `threshold`. `known` are (chance, whether right) of the answers of each kind that were given.
    `before` counts what happens if every question is answered from passages, `after` with routing.
    Without `models` there were too few test questions (`questions`), or they were about too few
    things.
    """

    made_from: str
    generation: int
    questions: int
    models: tuple[Model, Model] | None = None
    threshold: float = 1.0
    known: tuple[tuple[tuple[float, bool], ...], ...] = ((), ())
    documents: tuple[tuple[str, float], ...] = ()
    before: Shares | None = None
    after: Shares | None = None


def digest(run: RunReader, generation: int) -> str:
    """A digest of all that a calibration of this generation is made from."""
    adapters = {row.generation: row.sha256 for row in run.ledger.training.adapters()}
    locks = run.ledger.items.locks()
    parts = [VERSION, generation, adapters.get(generation, ""), run.ledger.search.state()]
    items = [item.id for item in run.ledger.items.all() if item.suite in TESTS]
    return content_id("routing", *parts, locks[-1].sha256 if locks else "", items)


def load(run: RunReader, generation: int) -> Calibration | None:
    """The calibration that is kept, if it fits the run as it is; else None."""
    values = _kept(run).get(str(generation))
    try:
        if values and values["made_from"] == digest(run, generation):
            return _parsed(values)
    except (ValueError, TypeError, KeyError):
        return None  # not readable: it is made anew
    return None


def keep(run: RunReader, made: Calibration) -> None:
    """Write `routing.json` as a whole, with what it has of other generations.

    In a folder that cannot be written, nothing is kept. Raises UserError if the disk is full.
    """
    if not os.access(run.folder, os.W_OK):
        return
    path = run.folder / FILE
    values = _kept(run) | {str(made.generation): asdict(made)}
    try:
        with complete(path, concurrent=True) as temporary:
            temporary.write_text(json.dumps(values), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; free some space, and ask again") from None


def _kept(run: RunReader) -> dict[str, Any]:
    """What `routing.json` has: {generation: the values of its calibration}."""
    try:
        values = json.loads((run.folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # none yet, or not readable: it is made anew
    return values if isinstance(values, dict) else {}


def calibrate(
    run: RunReader,
    answerer: Answerer,
    generation: int,
    limit: int,
    say: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Have the generation answer the test questions, and fit the models. `say` tells that.

    Questions that do not fit the model's window are left out, as in an evaluation. Raises Stopped
    soon after the answerer is closed: every loop over the questions asks for that.
    """
    check = answerer.raise_if_closed
    items = [item for suite in TESTS for item in run.ledger.items.of_suite(suite)]
    step = max(1, -(-len(items) // MOST))
    made_from = digest(run, generation)
    wanted = questions(run, answerer.engine, limit, items[::step], check)
    clusters = [one.cluster for one in wanted if one.plain and one.fair]
    if len(clusters) < FEWEST or len(set(clusters)) < FOLDS:
        return Calibration(made_from, generation, len(clusters))
    asked = sum(one.plain for one in wanted)
    say(f"calibrating on {many(asked, 'test question')}, once for this generation")
    found, documents = cases(run, answerer, generation, wanted)
    coverage = Coverage(run.ledger)
    numbers = [case.question.numbers(coverage) for case in checked(found, check)]
    searchable = [i for i, case in enumerate(found) if case.asked.searchable]
    closed, opened = (
        _Way(kind, [numbers[i][kind] for i in taken], [found[i] for i in taken])
        for kind, taken in ((MEMORY, searchable), (OPENED, range(len(found))))
    )
    of_closed = dict(zip(searchable, closed.chances(), strict=True))
    of_opened = opened.chances()
    # The models learn from all cases. How they do is measured on those that are like a person's.
    fair = [i for i in searchable if found[i].asked.fair]
    some = [found[i] for i in fair]
    chances = [of_closed[i] for i in fair], [of_opened[i] for i in fair]
    threshold = _threshold(some, *chances, check)
    routes = _routes(some, *chances, threshold)
    known = tuple(
        tuple(
            (chance[place], some[place].right[kind])
            for place, route in enumerate(routes)
            if route == kind
        )
        for kind, chance in enumerate(chances)
    )
    return Calibration(
        made_from,
        generation,
        len(clusters),
        (closed.model(), opened.model()),
        threshold,
        known,
        documents,
        _shares(some, [OPENED] * len(some)),
        _shares(some, routes),
    )


class _Way(NamedTuple):
    """The answers of one kind: their numbers, and the cases that they belong to."""

    kind: int
    numbers: list[list[float]]
    cases: list[Case]

    @property
    def right(self) -> list[bool]:
        return [case.right[self.kind] for case in self.cases]

    def chances(self) -> list[float]:
        """The chance of each by a model that has not seen its document."""
        return cross_fitted(self.numbers, self.right, [case.asked.cluster for case in self.cases])

    def model(self) -> Model:
        return fit(self.numbers, self.right)


def choose(closed: float, opened: float, agree: bool, threshold: float) -> int | None:
    """MEMORY, OPENED, or None for no answer, from the chances of both answers.

    An answer from memory comes first; but where the passages support another one, that counts.
    """
    if closed >= threshold and (agree or opened < threshold):
        return MEMORY
    return OPENED if opened >= threshold else None


def _routes(
    cases: Sequence[Case], closed: Sequence[float], opened: Sequence[float], threshold: float
) -> list[int | None]:
    rows = zip(cases, closed, opened, strict=True)
    return [
        choose(one, other, case.question.agree, threshold) if case.question.shown else None
        for case, one, other in rows
    ]


def _threshold(
    cases: Sequence[Case],
    closed: Sequence[float],
    opened: Sequence[float],
    check: Callable[[], None],
) -> float:
    """The threshold, 0.5 or more, with the highest number of right answers given, less COST for
    each wrong one; 1.0 if every other gives less than no answer at all."""
    best, found = 0.0, 1.0
    for threshold in checked(sorted({*closed, *opened}, reverse=True), check):
        if threshold < 0.5:
            break
        routes = _routes(cases, closed, opened, threshold)
        given = [case.right[r] for case, r in zip(cases, routes, strict=True) if r is not None]
        worth = sum(given) - COST * (len(given) - sum(given))
        if worth >= best:
            best, found = worth, threshold
    return found


def _shares(cases: Sequence[Case], routes: Sequence[int | None]) -> Shares:
    given = [(case, r) for case, r in zip(cases, routes, strict=True) if r is not None]
    return Shares(
        len(cases),
        len(given),
        sum(not case.right[r] for case, r in given),
        sum(not case.asked.answerable for case in cases),
        sum(not case.asked.answerable for case, _ in given),
    )


def _parsed(values: dict[str, Any]) -> Calibration:
    models = values["models"]
    known = values["known"]
    return Calibration(
        str(values["made_from"]),
        int(values["generation"]),
        int(values["questions"]),
        models and tuple(Model(tuple(m), tuple(s), tuple(w), b) for m, s, w, b in models),
        float(values["threshold"]),
        tuple(tuple((float(c), bool(r)) for c, r in some) for some in known),
        tuple((str(id), float(share)) for id, share in values["documents"]),
        values["before"] and Shares(*values["before"]),
        values["after"] and Shares(*values["after"]),
    )
