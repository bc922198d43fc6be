"""What a model as judge made of the answers, and whether it judged itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from self_evolution.config import Config
from self_evolution.evaluation.statistics import Preference
from self_evolution.evaluation.verdicts import BASE, preferred
from self_evolution.ledger import Ledger
from self_evolution.models.others import base_identity
from self_evolution.report.facts.rivals import names


@dataclass(frozen=True, slots=True)
class Judged:
    """A generation beside the base or a rival (`against`, called `opponent`), before one judge."""

    judge: str
    generation: int
    against: int
    opponent: str
    found: Preference


@dataclass(frozen=True, slots=True)
class Bench:
    """All that was judged; `itself` are the base (0) and the rivals that judged themselves too."""

    rows: tuple[Judged, ...]
    itself: tuple[int, ...]


def bench(config: Config, ledger: Ledger) -> Bench:
    called = names(ledger)
    rows = tuple(
        Judged(judge, generation, against, called[against], found)
        for judge, generation, against in ledger.duels()
        if (found := preferred(config, ledger, judge, generation, against))
    )
    return Bench(rows, tuple(_itself(ledger, list(dict.fromkeys(row.judge for row in rows)))))


def _itself(ledger: Ledger, judges: list[str]) -> Iterator[int]:
    """The generation of each judged model that is a judge too."""
    identities: dict[str, str] = ledger.meta("judges") or {}
    models = {0: base_identity(ledger)} | {row.generation: row.identity for row in ledger.rivals()}
    for judge in judges:
        for generation, identity in models.items():
            if identities.get(judge) == identity or (judge, generation) == (BASE, 0):
                yield generation
