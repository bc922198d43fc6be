"""Questions with both answers to them, of which it is known whether they are right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from self_evolution.evaluation.prompts import TaskPrompt, closed_prompt, retrieved_prompt
from self_evolution.evaluation.scores import is_right
from self_evolution.records import Fragment, Item
from self_evolution.retrieval.recall import holds
from self_evolution.run.read import RunReader
from self_evolution.serving.answering import Answerer
from self_evolution.serving.routing.asking import Told, tell
from self_evolution.serving.routing.evidence import Coverage, Question
from self_evolution.serving.routing.invented import unanswerable

Tally = dict[str, dict[str, bool]]
"""{document: {test question: whether it is answered right from memory}}."""


class Case(NamedTuple):
    """A question with both answers; `right` of each of them; the unit of cross-fitting."""

    question: Question
    right: tuple[bool, bool]
    cluster: str
    answerable: bool
    searchable: bool


def cases(
    run: RunReader, answerer: Answerer, generation: int, limit: int, items: Sequence[Item]
) -> tuple[list[Case], tuple[tuple[str, float], ...]]:
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
    places = [some[0].document_id if some else "" for some in shown]
    tally: Tally = defaultdict(dict)
    for i, item in enumerate(items):
        tally[places[i]][item.id] = is_right(item, closed[i].text)
    found = []
    rows = [*_zip(asked, closed), *_zip(asked[: len(items)], closed[: len(items)])]
    for place, ((item, text, answerable), memory) in enumerate(rows):
        searchable = place < len(asked)
        known = mastery(tally, places[place], item.id)
        question = Question(text, memory, told[place], shown[place], known)
        found.append(
            Case(
                question,
                (
                    answerable and is_right(item, memory.text),
                    answerable and is_right(item, told[place].text),
                ),
                item.cluster,
                answerable,
                searchable,
            )
        )
    return found, tuple((id, mastery(tally, id)) for id in sorted(tally))


def _zip(asked: Sequence[Any], told: Sequence[Told]) -> Iterator[tuple[Any, Told]]:
    return zip(asked, told, strict=True)


def mastery(tally: Tally, document: str, without: str = "") -> float:
    """The share of a document's test questions that are right from memory, pulled towards a half.

    The question `without` is left out: its own answer must not say how likely it is to be right.
    """
    some = [right for id, right in tally.get(document, {}).items() if id != without]
    return (sum(some) + 0.5) / (len(some) + 1)


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
