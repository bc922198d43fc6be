"""The exams: which questions there are, how they are put, and how an answer is marked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from self_evolution.evaluation.abilities import SUITE
from self_evolution.evaluation.metrics import METRICS, SHORT_ANSWER, Metric
from self_evolution.ledger import Ledger
from self_evolution.records import Evaluation, Item
from self_evolution.run import Run

TESTS = ("domain", "seen", "unseen")
"""Suites of test questions; `domain` decides who leads."""

FORMER = ("abilities", "retention")
"""Suites of former abilities, what a model could do before: by its own questions, the user's."""

MODES = {"closed": "closed book", "retrieved": "with search", "open": "open book"}
"""Ways to put a question, for people: from memory, with what is found, with its passage."""

EXAMS = tuple(
    (suite, mode)
    for suite in (*TESTS, *FORMER)
    for mode in MODES
    if suite in TESTS or mode != "retrieved"
)
"""Every (suite, mode) that there may be, in the order in which people are told of them."""

RECALL = "recall@{}"
"""Of the questions whose passage is in the documents, those for which it was shown."""


class Exam(NamedTuple):
    """A set of questions and the way they are put."""

    suite: str
    mode: str
    items: list[Item]


def exams(run: Run, generation: int) -> Iterator[Exam]:
    """Those that have questions. The base's own, on its abilities, are not put to rivals: what the
    base said is the reference, so they would be measured by their likeness to it."""
    modes = []
    for suite in TESTS:
        items = run.ledger.items.of_suite(suite)
        modes.append(Exam(suite, "closed", items))
        modes.append(Exam(suite, "retrieved", items if run.config.evaluate.top_k else []))
        modes.append(Exam(suite, "open", [item for item in items if item.passage.strip()]))
    for suite in FORMER:
        if generation < 0 and suite == SUITE:
            continue
        items = run.ledger.items.of_suite(suite)
        modes.append(Exam(suite, "closed", [item for item in items if not item.passage.strip()]))
        modes.append(Exam(suite, "open", [item for item in items if item.passage.strip()]))
    return (exam for exam in modes if exam.items)


def measure(metric: str, suite: str) -> Metric:
    """Exact match of the base's own questions is that of short answers, worded as one likes."""
    return SHORT_ANSWER if (suite, metric) == ("abilities", SHORT_ANSWER.name) else METRICS[metric]


def marks(metric: str, item: Item, text: str) -> float | None:
    """The score of an answer to `item`, in percent; None where the metric does not apply."""
    return measure(metric, item.suite).score(
        text, item.reference, question=item.question, values=item.reference_values
    )


def deciding(ledger: Ledger, wanted: str) -> dict[tuple[str, str], str]:
    """The metric that each of EXAMS is decided, told and drawn in, where settings say `wanted`."""
    return {exam: ledger.evaluations.deciding_metric(wanted, *exam) for exam in EXAMS}


def passage_found(row: Evaluation) -> str:
    """What a row of RECALL says, for people."""
    k = row.metric.partition("@")[2]
    among = f"among the {k} found" if k != "1" else "the one found"
    return (
        f"the right passage was {among} for {row.mean:.1f}% [{row.low:.0f}–{row.high:.0f}] of "
        f"{row.n:,} {row.suite} questions"
    )
