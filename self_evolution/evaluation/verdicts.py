"""Decisions of a judge on a generation beside another model, over all questions."""

from __future__ import annotations

from self_evolution.config import Config
from self_evolution.evaluation.statistics import Duel, Preference, preference
from self_evolution.evaluation.statistics.preferences import Decision
from self_evolution.ledger import Ledger
from self_evolution.records import Judgement
from self_evolution.schedule import stage_seed

BASE = "base"
"""The name of the judge that is the run's own model, without its adapter."""

PLACES = (1, 2)
"""The two places in which the generation's answer may be shown."""


def preferred(
    settings: Config, ledger: Ledger, name: str, generation: int, against: int
) -> Preference | None:
    """Wins of a generation before judge `name`, over the items with both decisions, if any."""
    clusters = {item.id: item.cluster for item in ledger.items.of_suite("domain")}
    by_item: dict[str, list[Judgement]] = {}
    for row in ledger.evaluations.judgements(name, generation, against):
        by_item.setdefault(row.item_id, []).append(row)
    duels = [
        Duel(clusters[id], _decision(both[0]), _decision(both[1]), not _unasked(both[0]))
        for id, both in by_item.items()
        if len(both) == len(PLACES)
    ]
    seed = stage_seed(settings, "judge", generation, against)
    return preference(duels, resamples=settings.evaluate.resamples, seed=seed)


def _decision(row: Judgement) -> Decision:
    known: dict[str, Decision] = {"better": "better", "worse": "worse", "tie": "tie"}
    return known.get(row.verdict, "unclear")


def _unasked(row: Judgement) -> bool:
    return row.verdict == "tie" and not row.reply
