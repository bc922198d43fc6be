"""The test questions: who made them, how many there are, and what they can show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from self_evolution.config import Config
from self_evolution.evaluation import choice
from self_evolution.evaluation.power import power
from self_evolution.evaluation.review import kind
from self_evolution.ledger import Ledger
from self_evolution.records import Lock
from self_evolution.report.facts.counts import Counts, counts


@dataclass(frozen=True, slots=True)
class TestSet:
    """The questions of one suite; `documents` they were built from, 0 if unknown."""

    suite: str
    kind: str
    questions: int
    documents: int
    power: str


@dataclass(frozen=True, slots=True)
class TestSets:
    """`candidates`: the outcomes of building, `taken` first, by kind of question.

    `held_out` counts documents, `held_fragments` what could be asked about in them. `lock` is the
    last one.
    """

    sets: tuple[TestSet, ...]
    candidates: Counts[str]
    held_out: int
    held_fragments: int
    lock: Lock | None

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(sorted({kind for _, kind in self.candidates.cells}))

    def kind(self, suite: str) -> str:
        return next(one.kind for one in self.sets if one.suite == suite)

    @property
    def suites(self) -> tuple[str, ...]:
        return tuple(one.suite for one in self.sets)


def test_sets(config: Config, ledger: Ledger) -> TestSets:
    locks = ledger.items.locks()
    return TestSets(
        built_sets(config, ledger),
        counts(
            ((kind, reason or "taken", n) for kind, reason, n in ledger.items.candidate_reasons()),
            first="taken",
        ),
        len(ledger.documents.holdouts()),
        ledger.fragments.count_held_out(),
        locks[-1] if locks else None,
    )


def built_sets(config: Config, ledger: Ledger) -> tuple[TestSet, ...]:
    """The suites of questions; none before they are locked."""
    return tuple(_sets(config, ledger)) if ledger.items.locks() else ()


def _sets(config: Config, ledger: Ledger) -> Iterator[TestSet]:
    sentence = power(config, ledger)
    for suite in sentence:
        if items := ledger.items.of_suite(suite):
            documents = {source.document_id for source in ledger.sources.built(items).values()}
            name = suite if suite == choice.SUITE else kind(items[0])
            yield TestSet(suite, name, len(items), len(documents), sentence[suite])
