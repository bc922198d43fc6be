"""Scores in results.json; those that the ledger knows as rows are written as these rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from self_evolution.records import Difference, Evaluation
from self_evolution.report.render.results.base import Interval, Model, PairedDifference, of


@dataclass(frozen=True, slots=True)
class AdjustedDifference(Difference):
    """A paired difference in the metric that decides in the task, in points.

    `p_holm` is adjusted (Holm) within a family: the differences of all generations in the task to
    the base, to other leaders, or to one rival.
    """

    p_holm: float
    verdict: Literal["rose", "fell", "no difference shown"]


@dataclass(frozen=True, slots=True)
class Standing(Evaluation):
    """A rival's score in the metric that decides in the task.

    `leader_above`: the score of generation `leader` minus the rival's, in points, paired; null as
    long as the leader has not done the task. `p_holm` is adjusted for all standings.
    """

    leader: int
    leader_above: PairedDifference | None
    p_holm: float | None
    verdict: str | None


class Relative(Model):
    """A generation's mean as a multiple of that of `reference`, on the same questions.

    `reference` is a generation, 0 the base, below 0 a rival. Where there is no `ratio`,
    `undefined` says why.
    """

    generation: int
    reference: int
    name: str
    suite: str = of("task", "suite")
    mode: str = of("task", "mode")
    metric: str
    ratio: float | None = of("ratio", "value")
    low: float | None = of("ratio", "low")
    high: float | None = of("ratio", "high")
    n: int = of("ratio", "n")
    undefined: str = of("ratio", "undefined")


class Judged(Model):
    """Wins of a generation before a model as judge, in both orders; a tie counts half.

    `against`: 0 the base, below 0 a rival. The other numbers are of the `asked` questions, those
    with two different answers: how often both orders have the same outcome (`agreement`), how many
    replies are unclear, and how many of those that prefer one answer prefer the one shown first.
    """

    judge: str
    generation: int
    against: int
    wins: Interval
    verdict: str
    asked: int
    agreement: Interval | None
    unclear: Interval | None
    first_preferred: Interval | None


class Changes(Model):
    """Questions `asked`, and how many were answered better (`won`) or worse than by the base."""

    suite: str = of("task", "suite")
    mode: str = of("task", "mode")
    metric: str
    generation: int
    asked: int
    won: int
    lost: int


class Leaks(Model):
    """Pairs that were `stopped`, because they were test questions or nearly so.

    Of the closed-book domain questions, those `near` one trained on, and the scores of all, of
    these, and of the others.
    """

    stopped: int
    near: int = of("near", "chosen")
    questions: int = of("near", "questions")
    all: Interval | None = of("near", "all")
    of_near: Interval | None = of("near", "chosen_score")
    of_others: Interval | None = of("near", "other_score")


class Chapter(Model):
    """`heading` is given from the top; `known` is the sum of the scores, each 0 to 1."""

    heading: list[str]
    asked: int
    known: float
    base: Interval
    now: Interval


class Missed(Model):
    """A question that is not fully known, with its scores; `item` is its id in the ledger."""

    item: str = of("item", "id")
    question: str = of("item", "question")
    heading: list[str] = of("source", "heading")
    page: int | None = of("source", "page")
    base: float
    now: float


class Document(Model):
    path: str
    asked: int = of("whole", "asked")
    known: float = of("whole", "known")
    base: Interval = of("whole", "base")
    now: Interval = of("whole", "now")
    parts: list[Chapter]
    missed: list[Missed]


class Mastery(Model):
    """Closed-book test questions on documents that are trained on; the most missed come first.

    `placed` counts the questions whose place in the documents is known.
    """

    metric: str
    generation: int = of("compared")
    placed: int
    unplaced: int
    documents: list[Document]
