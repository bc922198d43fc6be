"""Questions with both answers to them, of which it is known whether they are right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from self_evolution.evaluation import choice
from self_evolution.evaluation.prompts import TaskPrompt, closed_prompt, fits, retrieved_prompt
from self_evolution.evaluation.scores import is_right
from self_evolution.models import Engine
from self_evolution.records import Fragment, Item
from self_evolution.retrieval.recall import holds
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import Answerer
from self_evolution.serving.routing.asking import Told, tell
from self_evolution.serving.routing.evidence import Coverage, Question
from self_evolution.serving.routing.invented import unanswerable
from self_evolution.serving.routing.logistic import FOLDS

T = TypeVar("T")
Tally = dict[str, dict[str, bool]]
"""{document: {test question: whether it is answered right from memory}}."""


class Asked(NamedTuple):
    """A question with its prompts: the closed book, and what the search finds.

    It is a test question, or a question made from one that no document answers. If it is not
    `searchable`, the search may not find the right passage. `cluster` is the unit of cross-fitting.
    """

    item: Item
    cluster: str
    text: str
    answerable: bool
    searchable: bool
    closed: TaskPrompt
    opened: TaskPrompt

    @property
    def plain(self) -> bool:
        """Whether this is a test question as it is."""
        return self.answerable and self.searchable

    @property
    def fair(self) -> bool:
        """Whether it tells how the model does: the leader was lucky on questions that chose it."""
        return self.searchable and self.item.suite != choice.SUITE


class Case(NamedTuple):
    """A question as it was asked, with both answers, and whether each of them is right."""

    asked: Asked
    question: Question
    right: tuple[bool, bool]


def checked(values: Iterable[T], check: Callable[[], None]) -> Iterator[T]:
    """The values; `check` is called before each one, and may raise to end the work on them."""
    for value in values:
        check()
        yield value


def questions(
    run: RunReader,
    engine: Engine,
    limit: int,
    items: Sequence[Item],
    check: Callable[[], None] = lambda: None,
) -> list[Asked]:
    """The questions of all kinds whose prompts leave room for an answer in the model's window.

    Each takes a search. `check` is called before each one, and may raise to end this.
    """

    def put(item: Item, text: str, answerable: bool = True, searchable: bool = True) -> Asked:
        check()
        view: Any = run if searchable else _Blind(run, item)
        opened = retrieved_prompt(view, engine, text, limit)
        closed, cluster = closed_prompt(run, text), clusters[item.id]
        return Asked(item, cluster, text, answerable, searchable, closed, opened)

    clusters = _clusters(run, items)
    coverage = Coverage(run.ledger)
    made = [(item, unanswerable(item.question, coverage)) for item in checked(items, check)]
    found = [put(item, item.question) for item in items]
    found += [put(item, text, answerable=False) for item, text in made if text]
    found += [put(item, item.question, searchable=False) for item in items]
    return [
        one
        for one in checked(found, check)
        if fits(run, engine, one.closed.messages) and fits(run, engine, one.opened.messages)
    ]


def _clusters(run: RunReader, items: Sequence[Item]) -> dict[str, str]:
    """{test question: its document}; with fewer than FOLDS documents, its passage instead."""
    places = run.ledger.sources.find(items)
    unplaced = {item.id: item.cluster for item in items if item.id not in places}
    documents = unplaced | {id: place.document_id for id, place in places.items()}
    if len(set(documents.values())) >= FOLDS:
        return documents
    return unplaced | {id: place.fragment_id for id, place in places.items()}


def cases(
    run: RunReader, answerer: Answerer, generation: int, asked: Sequence[Asked]
) -> tuple[list[Case], tuple[tuple[str, float], ...]]:
    """The cases of these questions, and (document, share of questions right from memory)."""

    check = answerer.raise_if_closed

    def ask(prompts: Iterable[TaskPrompt]) -> list[Told]:
        put = [answerer.put_prompt(one, generation) for one in checked(prompts, check)]
        return tell(answerer, put)

    closed = {one.text: one.closed for one in asked}  # some are asked with and without the passage
    memory = dict(zip(closed, ask(closed.values()), strict=True))
    told = ask(one.opened for one in asked)
    shown = [run.ledger.fragments.get(one.opened.sources) for one in checked(asked, check)]
    places = [some[0].document_id if some else "" for some in shown]
    tally: Tally = defaultdict(dict)
    for one, place in zip(checked(asked, check), places, strict=True):
        if one.plain:
            tally[place][one.item.id] = is_right(one.item, memory[one.text].text)
    found = []
    for one, opened, some, place in zip(checked(asked, check), told, shown, places, strict=True):
        known = mastery(tally, place, one.item.id)
        question = Question(one.text, memory[one.text], opened, some, known)
        right = (
            one.answerable and is_right(one.item, question.closed.text),
            one.answerable and is_right(one.item, opened.text),
        )
        found.append(Case(one, question, right))
    return found, tuple((id, mastery(tally, id)) for id in sorted(tally))


def mastery(tally: Tally, document: str, without: str = "") -> float:
    """The share of a document's test questions that are right from memory, pulled towards a half.

    The question `without` is left out: its own answer must not say how likely it is to be right.
    """
    some = [right for id, right in tally.get(document, {}).items() if id != without]
    return (sum(some) + 0.5) / (len(some) + 1)


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
