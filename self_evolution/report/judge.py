"""What the report says of a model as judge: who is preferred, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from self_evolution.config import Config
from self_evolution.evaluation.statistics import NO_DIFFERENCE, Preference
from self_evolution.ledger import Ledger
from self_evolution.models.other_models import label
from self_evolution.report.words import share
from self_evolution.run.model_identity import base_identity
from self_evolution.stages.judge import BASE, preferred

MOST_UNCLEAR = 50
"""Percent of a judge's replies: with more of them unclear it is no judge."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A generation beside the base or a rival, before one judge."""

    judge: str
    generation: int
    against: int
    opponent: str
    found: Preference

    @property
    def label(self) -> str:
        return "the base model" if self.judge == BASE else label(self.judge)

    @property
    def told(self) -> str:
        if self.found.unclear and self.found.unclear.mean > MOST_UNCLEAR:
            return "this judge says too little to go by"
        if not self.found.shown:
            return NO_DIFFERENCE
        return f"{'generation ' + str(self.generation) if self._wins else self.opponent} preferred"

    @property
    def _wins(self) -> bool:
        return self.found.wins.mean > 50


@dataclass(frozen=True, slots=True)
class Bench:
    """All that was judged, and `notes` on who judges whom."""

    rows: tuple[Judged, ...]
    notes: tuple[str, ...]


def bench(config: Config, ledger: Ledger) -> Bench:
    names = {row.generation: label(row.name, row.identity) for row in ledger.evaluations.rivals()}
    rows = [
        Judged(judge, generation, against, names.get(against, "the base"), found)
        for judge, generation, against in ledger.evaluations.duels()
        if (found := preferred(config, ledger, judge, generation, against))
    ]
    return Bench(tuple(rows), tuple(_notes(ledger, [row.judge for row in rows])))


def sentences(config: Config, ledger: Ledger) -> Iterator[str]:
    """For the terminal: a line for each opponent of the leader (or of the last generation)."""
    rows = [row for row in bench(config, ledger).rows if row.judge == config.evaluate.judge]
    last = max((row.generation for row in rows), default=0)
    generation = ledger.evaluations.leader() or last
    for row in rows:
        if row.generation == generation:
            wins = row.found.wins
            yield (
                f"judge, {row.label}: generation {generation} wins {wins.mean:.1f}% "
                f"[{wins.low:.0f}–{wins.high:.0f}] against {row.opponent}, a tie counts half: "
                f"{row.told}; of {row.found.asked:,} asked ({wins.n - row.found.asked:,} answers "
                f"are the same), both orders agree on {share(row.found.agreement)}, unclear are "
                f"{share(row.found.unclear)}"
            )


def _notes(ledger: Ledger, judges: list[str]) -> Iterator[str]:
    """Where judge and judged are the same model."""
    identities: dict[str, str] = ledger.meta("judges") or {}
    own = base_identity(ledger)
    for name in dict.fromkeys(judges):
        if name == BASE or identities.get(name) == own:
            yield (
                "The judge is the base model itself: it judges its own answers, and those of what "
                "it has become."
            )
        for one in ledger.evaluations.rivals():
            if identities.get(name) == one.identity:
                called = label(one.name, one.identity)
                yield f"The judge is rival {-one.generation} ({called}) itself."
