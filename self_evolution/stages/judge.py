"""Judge: a model says which of two answers is better. It informs people and decides nothing.

A generation's answers to closed-book domain questions are compared with the base's, and with each
rival's. The two answers are shown in both orders, because judges tend to prefer a place. Equal
answers count as a tie, and the judge is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from self_evolution.errors import UserError
from self_evolution.evaluation.ruling import ruling
from self_evolution.evaluation.statistics import format_mean
from self_evolution.evaluation.statistics.preferences import Decision
from self_evolution.evaluation.verdicts import BASE, PLACES, preferred
from self_evolution.models import TOO_LONG, Generator, SamplingParams
from self_evolution.models.other_models import JUDGE
from self_evolution.prompts import Answers
from self_evolution.records import Item, Judgement, Message, content_id
from self_evolution.run import Run
from self_evolution.run.model_identity import base_identity
from self_evolution.run.outcome import Outcome
from self_evolution.text.language import detect as language

FLAG = JUDGE

MOST_TOKENS = 256
"""The limit of a judge's reply. One letter is enough, but some models give reasons first."""

_DECISIONS: dict[tuple[str, int], Decision] = {
    ("A", 1): "better",
    ("B", 1): "worse",
    ("A", 2): "worse",
    ("B", 2): "better",
}


class Case(NamedTuple):
    """Two answers to a question: the generation's and the opponent's."""

    item: Item
    mine: str
    other: str

    @property
    def same(self) -> bool:
        return self.mine.strip() == self.other.strip()

    def prompt(self, run: Run, place: int) -> list[Message]:
        """Return the judge's prompt with the generation's answer in that place (1 or 2)."""
        first, second = (self.mine, self.other) if place == 1 else (self.other, self.mine)
        answers = Answers(self.item.reference, first, second)
        return run.prompts.judge(self.item.question, answers, language(self.item.question))


def judge(run: Run, generation: int) -> Outcome:
    """Compare the generation with each opponent in turn. The judge is loaded, or called, only if
    there is work for it."""
    name = run.config.evaluate.judge
    named = run.config.evaluate.against
    opponents = [
        0,
        *(row.generation for row in run.ledger.evaluations.rivals() if row.name in named),
    ]
    cases = {against: list(_cases(run, generation, against)) for against in opponents}
    for against, some in cases.items():
        _tie(run, generation, against, some)
    if any(_open(run, generation, against, some) for against, some in cases.items()):
        model = _judge_model(run, name)
        for against, some in cases.items():
            _ask(run, generation, against, some, model)
    notes = []
    for against in opponents:
        if found := preferred(run.config, run.ledger, name, generation, against):
            whom = f"rival {-against}" if against else "the base"
            notes.append(f"wins {format_mean(found.wins, '%')} against {whom}")
    return Outcome(sum(map(len, cases.values())), ", ".join(notes))


def _cases(run: Run, generation: int, against: int) -> Iterator[Case]:
    theirs = {
        i.id: text for i, text in run.ledger.evaluations.predictions(against, "domain", "closed")
    }
    for item, text in run.ledger.evaluations.predictions(generation, "domain", "closed"):
        if item.id in theirs:
            yield Case(item, text, theirs[item.id])


def _done(run: Run, generation: int, against: int) -> set[str]:
    rows = run.ledger.evaluations.judgements(run.config.evaluate.judge, generation, against)
    return {_task(row.item_id, row.place) for row in rows}


def _task(item_id: str, place: int) -> str:
    return f"{item_id} {place}"


def _open(run: Run, generation: int, against: int, cases: list[Case]) -> bool:
    done = _done(run, generation, against)
    return any(_task(case.item.id, place) not in done for case in cases for place in PLACES)


def _tie(run: Run, generation: int, against: int, cases: list[Case]) -> None:
    """Store ties for equal answers, in one transaction."""
    done = _done(run, generation, against)
    rows = [
        _judgement(run, generation, against, case.item.id, place, "tie", "")
        for case in cases
        for place in PLACES
        if case.same and _task(case.item.id, place) not in done
    ]
    if rows:
        run.ledger.add(rows)


def _judge_model(run: Run, name: str) -> Generator:
    """Raises UserError if the judge is not the model that judged under this name before."""
    if name == BASE:
        model: Generator = run.engine
        identity = base_identity(run.ledger)
    else:
        identity, model = run.models.open_other(name, FLAG)
    known = run.ledger.meta("judges") or {}
    if known.setdefault(name, identity) != identity:
        raise UserError(
            f"{FLAG} {name}: no longer the model that judged before (that was {known[name]}, this "
            f"is {identity}); put it back, or give the new one another name"
        )
    run.ledger.set_meta("judges", known)
    return model


def _ask(run: Run, generation: int, against: int, cases: list[Case], model: Generator) -> None:
    tasks = {
        _task(case.item.id, place): (case, place)
        for case in cases
        for place in PLACES
        if not case.same
    }
    batches = run.batches(
        "judge",
        generation,
        "decisions",
        run.ledger.queue(
            (
                (id, len(case.item.question) + len(case.mine) + len(case.other))
                for id, (case, _) in tasks.items()
            ),
            _done(run, generation, against),
        ),
        max(run.config.model.batch_size, model.concurrency),
        f"judge, rival {-against}" if against else "judge, base",
    )
    params = SamplingParams(0.0, 1.0, MOST_TOKENS)
    for ids, seeds in batches:
        prompts = {id: tasks[id][0].prompt(run, tasks[id][1]) for id in ids}
        fitting = {id: p for id, p in prompts.items() if model.fits(p, MOST_TOKENS)}
        mine = [seed for id, seed in zip(ids, seeds, strict=True) if id in fitting]
        replies = model.generate(list(fitting.values()), params, mine, "base")
        answered = dict(zip(fitting, replies, strict=True))
        rows = []
        for id in ids:
            case, place = tasks[id]
            text = (
                answered[id].text
                if id in answered and answered[id].finish_reason != TOO_LONG
                else ""
            )
            letter = ruling(text)
            decision = _DECISIONS.get((letter, place), "tie" if letter else "unclear")
            rows.append(_judgement(run, generation, against, case.item.id, place, decision, text))
        run.ledger.add(rows)


def _judgement(
    run: Run, generation: int, against: int, item_id: str, place: int, decision: str, reply: str
) -> Judgement:
    judge = run.config.evaluate.judge
    id = content_id("judgement", judge, generation, against, item_id, place, reply)
    return Judgement(id, judge, generation, against, item_id, place, decision, reply)
