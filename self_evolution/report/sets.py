"""What the report says of the test questions: whose they are, how many, and what they can show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from self_evolution.config import Config
from self_evolution.evaluation.review import kind
from self_evolution.ledger import Ledger
from self_evolution.records import Seal
from self_evolution.stages.examine import power

TITLES = {
    "own": "Questions of your own",
    "seen": "New questions on documents that are trained on",
    "unseen": "Questions on documents that are held out",
    "ability": "The base's own questions on what it can do besides",
}


@dataclass(frozen=True, slots=True)
class TestSet:
    """The questions of one suite; `documents` they were built from, 0 if unknown."""

    suite: str
    kind: str
    questions: int
    documents: int
    power: str

    @property
    def title(self) -> str:
        return TITLES[self.kind]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Outcomes of building, `taken` first, and how many of each kind had each of them."""

    names: tuple[str, ...]
    cells: dict[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class TestSets:
    """`held_out` counts documents, `held_fragments` what could be asked about in them.

    `seal` is the last one.
    """

    sets: tuple[TestSet, ...]
    candidates: Candidates
    held_out: int
    held_fragments: int
    seal: Seal | None

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(sorted({kind for _, kind in self.candidates.cells}))

    @property
    def suites(self) -> tuple[str, ...]:
        return tuple(one.suite for one in self.sets)

    def title(self, suite: str) -> str:
        return next((one.title for one in self.sets if one.suite == suite), suite)


def test_sets(config: Config, ledger: Ledger) -> TestSets:
    seals = ledger.items.seals()
    return TestSets(
        tuple(_sets(config, ledger)) if seals else (),
        _candidates(ledger),
        len(ledger.documents.holdouts()),
        len(ledger.fragments.places()) - len(ledger.fragments.for_training()),
        seals[-1] if seals else None,
    )


def sentences(config: Config, ledger: Ledger) -> list[str]:
    """For the terminal: a line a built set; none where the user's own questions are all."""
    found = []
    for one in test_sets(config, ledger).sets:
        if one.kind != "own":
            title = one.title[0].lower() + one.title[1:]
            source = f" ({one.documents:,} documents)" if one.documents else ""
            found.append(f"{one.suite}: {title}, built{source}; {one.power}")
    return found


def _sets(config: Config, ledger: Ledger) -> Iterator[TestSet]:
    sentence = power(config, ledger)
    for suite in sentence:
        if items := ledger.items.of_suite(suite):
            documents = {source.document_id for source in ledger.sources.built(items).values()}
            yield TestSet(suite, kind(items[0]), len(items), len(documents), sentence[suite])


def _candidates(ledger: Ledger) -> Candidates:
    cells = {(reason or "taken", kind): n for kind, reason, n in ledger.items.candidate_reasons()}
    totals: dict[str, int] = {}
    for (name, _), n in cells.items():
        totals[name] = totals.get(name, 0) + n
    names = sorted(totals, key=lambda name: (name != "taken", -totals[name], name))
    return Candidates(tuple(names), cells)
