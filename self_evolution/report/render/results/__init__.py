"""The report's numbers for programs: results.json, in the format of `schema`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from self_evolution.report.facts import Facts
from self_evolution.report.facts.evaluations import trend
from self_evolution.report.facts.others import Rivals
from self_evolution.report.render.headline import headline
from self_evolution.report.render.others import describe_standing, describe_verdict
from self_evolution.report.render.results.base import PairedDifference
from self_evolution.report.render.results.schema import VERSION, Results
from self_evolution.report.render.results.scores import AdjustedDifference, Standing


def render(facts: Facts) -> str:
    """Results as JSON text. Equal runs give equal bytes, except under `cost`, which has times."""
    found = results(facts).model_dump(by_alias=True)
    return json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def results(facts: Facts) -> Results:
    """Values that are not there yet are empty or null."""
    config, lead, head = facts.config, facts.lead, headline(facts)
    return Results.model_validate(
        {
            "schema": VERSION,
            "run": {
                "domain": config.domain.name,
                "recipe": config.recipe,
                "seed": config.seed,
                "generations": config.generations,
                "settings_sha256": _digest(config.flat()),
                "settings_changed": {one.name: one for one in facts.settings if one.changed},
                "versions": facts.versions,
            },
            "model": {
                "name": config.model.name,
                "revision": facts.model["revision"],
                "files": {name: value for name, value in facts.model.items() if name != "revision"},
            },
            "headline": asdict(head)
            | {"metric": lead.metric, "leader": lead.leader, "candidate": lead.compared},
            "tests": facts.tests,
            "evaluations": [
                row
                for one in facts.task_scores
                for rows in one.rows.values()
                for row in rows.values()
            ],
            "differences": [
                AdjustedDifference(**asdict(row), p_holm=one.p_adjusted, verdict=trend(one))
                for row, one in facts.differences.items()
            ],
            "relative": facts.relative,
            "rivals": facts.rivals.rivals,
            "standings": list(_standings(facts.rivals)),
            "judged": [
                {"judge": row.judge, "generation": row.generation, "against": row.against}
                | {name: value for name, value in row.found._asdict().items() if name != "first"}
                | {"verdict": describe_verdict(row), "first_preferred": row.found.first}
                for row in facts.judged.rows
            ],
            "changes": facts.changes,
            "promotions": facts.promotions,
            "leaks": facts.leaks,
            "mastery": facts.mastery,
            "documents": facts.preparation,
            "pairs": facts.funnel,
            "trusted": facts.trusted,
            "teachers": facts.teachers,
            "rewrites": facts.rewrites,
            "corrections": facts.corrections,
            "coverage": facts.coverage,
            "contradictions": facts.conflicts,
            "training": facts.adapters,
            "cost": list(_costs(facts)),
        }
    )


def _costs(facts: Facts) -> Iterator[dict[str, Any]]:
    for row in facts.stages.rows.values():
        cost = {name: value for name, value in row._asdict().items() if name != "note"}
        yield cost | {"expected": facts.forecast.get((row.generation, row.name))}


def _digest(settings: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _standings(found: Rivals) -> Iterator[Standing]:
    """Each rival in each task, and how far the leader is above it."""
    for board in found.boards:
        for one in board.standings:
            yield Standing(
                **asdict(one.score),
                leader=found.leader,
                leader_above=one.above and PairedDifference.model_validate(one.above),
                p_holm=one.above and one.above.p_adjusted,
                verdict=describe_standing(one) or None,
            )
