"""The calibration of the routing on the locked test questions of a run.

The leader answers each test question from memory and from the passages that the search finds. It
also answers questions of two more kinds: made ones that no document answers, and test questions
where the search may not find the right passage. So it is known of each answer whether it is right.
Two models (`logistic.py`) learn from that how likely an answer is to be right, and a threshold is
chosen. Whatever is reported was computed for each document by models that did not see it.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from self_evolution.errors import UserError
from self_evolution.evaluation.prompts import TaskPrompt, closed_prompt, retrieved_prompt
from self_evolution.evaluation.scores import score_answer
from self_evolution.evaluation.tasks import TESTS
from self_evolution.records import Fragment, Item, content_id
from self_evolution.retrieval.recall import holds
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import Answerer
from self_evolution.serving.routing.asking import Told, tell
from self_evolution.serving.routing.evidence import Coverage, Question
from self_evolution.serving.routing.invented import unanswerable
from self_evolution.serving.routing.logistic import Model, cross_fitted, fit

FILE, VERSION = "routing.json", 1
FEWEST = 40
"""Fewer test questions than this say too little: then reliability is unknown."""
MOST = 1000
"""Of more test questions, so many are taken, spread evenly."""
COST = 20.0
"""A wrong answer weighs as much as so many right ones."""
ALIKE = 60.0
"""An answer without values is right from this token F1 on."""


class Shares(NamedTuple):
    """Of `questions`: answered ones, and wrong ones among them; `unanswerable` ones, and those
    among them that are answered."""

    questions: int
    answered: int
    wrong: int
    unanswerable: int
    answered_unanswerable: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that the routing needs, as `routing.json` holds it.

    `made_from` is a digest of the leader, the test questions and the search index. `models` are
    those of answers from memory and from passages; an answer is given if its chance reaches
    `threshold`. `known` are (chance, whether right) of the answers of each kind that were given.
    `before` counts what happens if every question is answered from passages, `after` with routing.
    Without `models` there were too few test questions (`questions`).
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


class _Case(NamedTuple):
    """A question with both answers; `right` of each of them; the unit of cross-fitting."""

    question: Question
    right: tuple[bool, bool]
    cluster: str
    answerable: bool
    searchable: bool


def digest(run: RunReader, generation: int) -> str:
    """A digest of all that a calibration of this generation is made from."""
    adapters = {row.generation: row.sha256 for row in run.ledger.training.adapters()}
    locks = run.ledger.items.locks()
    parts = [VERSION, generation, adapters.get(generation, ""), run.ledger.search.state()]
    items = [item.id for item in run.ledger.items.all() if item.suite in TESTS]
    return content_id("routing", *parts, locks[-1].sha256 if locks else "", items)


def load(run: RunReader, generation: int) -> Calibration | None:
    """The calibration that is kept, if it fits the run as it is; else None."""
    try:
        values = json.loads((run.folder / FILE).read_text(encoding="utf-8"))
        if values.get("made_from") == digest(run, generation):
            return _parsed(values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None  # none yet, or not readable: it is made anew
    return None


def keep(run: RunReader, made: Calibration) -> None:
    """Write `routing.json` as a whole. In a folder that cannot be written, nothing is kept."""
    if not os.access(run.folder, os.W_OK):
        return
    path = run.folder / FILE
    temporary = path.with_name(f".{FILE}.{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(asdict(made), indent=1), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; free some space, and ask again") from None


def calibrate(
    run: RunReader,
    answerer: Answerer,
    generation: int,
    limit: int,
    say: Callable[[str], None] = lambda _: None,
) -> Calibration:
    """Have the generation answer the test questions, and fit the models. `say` tells that."""
    items = [item for suite in TESTS for item in run.ledger.items.of_suite(suite)]
    step = max(1, -(-len(items) // MOST))
    items = items[::step]
    made_from = digest(run, generation)
    if len(items) < FEWEST:
        return Calibration(made_from, generation, len(items))
    say(f"calibrating on {len(items):,} test questions, once for this generation")
    cases, documents = _cases(run, answerer, generation, limit, items)
    coverage = Coverage(run.ledger)
    numbers = [case.question.numbers(coverage) for case in cases]
    closed = [i for i, case in enumerate(cases) if case.searchable]
    rows = ([numbers[i][0] for i in closed], [both[1] for both in numbers])
    right = ([cases[i].right[0] for i in closed], [case.right[1] for case in cases])
    clusters = ([cases[i].cluster for i in closed], [case.cluster for case in cases])
    chances = tuple(cross_fitted(*some) for some in zip(rows, right, clusters, strict=True))
    of_open = [chances[1][i] for i in closed]
    some = [cases[i] for i in closed]
    threshold = _threshold(some, chances[0], of_open)
    routed = [_route(*pair, threshold) for pair in zip(chances[0], of_open, strict=True)]
    known = tuple(
        tuple(
            (chance[place], case.right[kind])
            for place, (case, route) in enumerate(zip(some, routed, strict=True))
            if route == kind
        )
        for kind, chance in enumerate((chances[0], of_open))
    )
    return Calibration(
        made_from,
        generation,
        len(items),
        (fit(rows[0], right[0]), fit(rows[1], right[1])),
        threshold,
        known,
        documents,
        _shares(some, [1] * len(some)),
        _shares(some, routed),
    )


def _route(closed: float, opened: float, threshold: float) -> int | None:
    """0 from memory, 1 from passages, None not at all."""
    if closed >= threshold:
        return 0
    return 1 if opened >= threshold else None


def _threshold(cases: Sequence[_Case], closed: Sequence[float], opened: Sequence[float]) -> float:
    """The threshold by which right answers are most, when a wrong one costs COST of them."""
    best, found = 0.0, 1.0
    for threshold in sorted({*closed, *opened}, reverse=True):
        if threshold < 0.5:
            break
        routes = [_route(*pair, threshold) for pair in zip(closed, opened, strict=True)]
        given = [case.right[r] for case, r in zip(cases, routes, strict=True) if r is not None]
        worth = sum(given) - COST * (len(given) - sum(given))
        if worth >= best:
            best, found = worth, threshold
    return found


def _shares(cases: Sequence[_Case], routes: Sequence[int | None]) -> Shares:
    given = [(case, r) for case, r in zip(cases, routes, strict=True) if r is not None]
    return Shares(
        len(cases),
        len(given),
        sum(not case.right[r] for case, r in given),
        sum(not case.answerable for case in cases),
        sum(not case.answerable for case, _ in given),
    )


def _cases(
    run: RunReader, answerer: Answerer, generation: int, limit: int, items: Sequence[Item]
) -> tuple[list[_Case], tuple[tuple[str, float], ...]]:
    """The cases of all kinds, and (document, share of questions right from memory)."""

    def ask(prompts: Sequence[TaskPrompt]) -> list[Told]:
        return tell(answerer, [answerer.put_prompt(one, generation) for one in prompts])

    coverage = Coverage(run.ledger)
    asked = [(item, item.question, True) for item in items]
    asked += [
        (item, made, False) for item in items if (made := unanswerable(item.question, coverage))
    ]
    closed = ask([closed_prompt(run, text) for _, text, _ in asked])
    opened = _prompts(run, answerer, limit, asked, False)
    blind = _prompts(run, answerer, limit, asked[: len(items)], True)
    told = ask([*opened, *blind])
    shown = [run.ledger.fragments.get(prompt.sources) for prompt in (*opened, *blind)]
    right = [
        answerable and _right(item, one.text) for (item, _, answerable), one in _zip(asked, closed)
    ]
    places = [some[0].document_id if some else "" for some in shown]
    tally = _tally(places[: len(items)], right[: len(items)])
    cases = []
    rows = [*_zip(asked, closed), *_zip(asked[: len(items)], closed[: len(items)])]
    for place, ((item, text, answerable), memory) in enumerate(rows):
        searchable = place < len(asked)
        own = answerable and searchable
        known = mastery(tally, places[place], right[place] if own else None)
        question = Question(text, memory, told[place], shown[place], known)
        cases.append(
            _Case(
                question,
                (
                    answerable and _right(item, memory.text),
                    answerable and _right(item, told[place].text),
                ),
                item.cluster,
                answerable,
                searchable,
            )
        )
    return cases, tuple((id, mastery(tally, id)) for id in sorted(tally))


def _zip(asked: Sequence[Any], told: Sequence[Told]) -> Iterator[tuple[Any, Told]]:
    return zip(asked, told, strict=True)


def _tally(places: Sequence[str], right: Sequence[bool]) -> dict[str, list[bool]]:
    found: dict[str, list[bool]] = defaultdict(list)
    for place, fine in zip(places, right, strict=True):
        found[place].append(fine)
    return found


def mastery(tally: dict[str, list[bool]], place: str, own: bool | None = None) -> float:
    """The share of a document's test questions that are right from memory, without one's own."""
    some = tally.get(place, [])
    hits, n = sum(some), len(some)
    if own is not None:
        hits, n = hits - own, n - 1
    return (hits + 0.5) / (n + 1)


def _prompts(
    run: RunReader,
    answerer: Answerer,
    limit: int,
    asked: Sequence[tuple[Item, str, bool]],
    blind: bool,
) -> list[TaskPrompt]:
    """The questions with what the search finds; if `blind`, the right passage is not among it."""
    found = []
    for item, text, _ in asked:
        view: Any = _Blind(run, item) if blind else run
        found.append(retrieved_prompt(view, answerer.engine, text, limit))
    return found


class _Blind:
    """A run whose search does not find the passage of a test question."""

    def __init__(self, run: RunReader, item: Item) -> None:
        self.config, self.prompts, self.search = run.config, run.prompts, self
        self._search, self._item = run.search, item

    def find(self, question: str, limit: int, *_: object) -> list[Fragment]:
        some = self._search.find(question, limit + 3)
        return [one for one in some if not self._answers(one)][:limit]

    def _answers(self, fragment: Fragment) -> bool:
        passage = self._item.passage.strip()
        return fragment.id == self._item.fragment_id or bool(passage and holds(fragment, passage))


def _right(item: Item, text: str) -> bool:
    score = score_answer("exact-match", item, text)
    if score is None:
        return (score_answer("token-f1", item, text) or 0.0) >= ALIKE
    return score == 100.0


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


__all__ = ["Calibration", "Shares", "calibrate", "digest", "keep", "load", "mastery"]
