"""The report's numbers for programs: RUN/report/results.json, described by results.schema.json."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from self_evolution.config import Config
from self_evolution.evaluation.statistics import Interval, holm
from self_evolution.records import Difference, Evaluation
from self_evolution.report.facts import Facts
from self_evolution.report.headline import EXAMS, Change
from self_evolution.report.judge import Judged
from self_evolution.report.mastery import Asked, Mastery, Part
from self_evolution.report.rivals import Rivals

VERSION = 1
"""Rises when a program that reads the file must change."""

SCHEMA = Path(__file__).with_name("results.schema.json")


def render(config: Config, facts: Facts) -> str:
    """Equal runs give equal bytes, but for what stands under `cost`: times are never alike."""
    return json.dumps(results(config, facts), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def results(config: Config, facts: Facts) -> dict[str, Any]:
    """JSON values in the order of the schema; what is not there yet is empty or null."""
    head, tests, leaks = facts.headline, facts.tests, facts.leaks
    return {
        "schema": VERSION,
        "run": {
            "domain": config.domain.name,
            "recipe": config.recipe,
            "seed": config.seed,
            "generations": config.generations,
            "settings_sha256": _digest(config.flat()),
            "settings_changed": {
                one.name: {"value": one.value, "default": one.default}
                for one in facts.settings
                if one.changed
            },
            "versions": facts.versions,
        },
        "model": {
            "name": config.model.name,
            "revision": facts.model["revision"],
            "files": {name: value for name, value in facts.model.items() if name != "revision"},
        },
        "headline": {
            "sentence": head.sentence,
            "losses": head.losses,
            "remaining": facts.remaining,
            "status": head.status,
            "caveats": list(head.caveats),
            "metric": head.metric,
            "leader": head.leader,
            "candidate": head.candidate,
        },
        "tests": {
            "seal": None
            if tests.seal is None
            else {name: getattr(tests.seal, name) for name in tests.seal.__slots__},
            "sets": [
                {"suite": one.suite, "kind": one.kind, "questions": one.questions}
                | {"documents": one.documents, "power": one.power}
                for one in tests.sets
            ],
            "held_out_documents": tests.held_out,
        },
        "evaluations": [
            _evaluation(row)
            for exam in facts.exams
            for rows in exam.rows.values()
            for row in rows.values()
        ],
        "differences": list(_differences(facts.differences)),
        "relative": [
            {"generation": head.candidate, "reference": one.reference, "name": one.name}
            | {"suite": one.suite, "mode": one.mode, "metric": one.metric}
            | {"ratio": one.ratio.value, "low": one.ratio.low, "high": one.ratio.high}
            | {"n": one.ratio.n, "undefined": one.ratio.undefined}
            for one in facts.relative
        ],
        "rivals": [
            {"generation": one.generation, "name": one.name, "identity": one.identity}
            for one in facts.rivals.rivals
        ],
        "standings": list(_standings(facts.rivals)),
        "judged": [_judged(row) for row in facts.judged.rows],
        "changes": [
            {"suite": one.suite, "mode": one.mode, "metric": one.metric}
            | {"generation": head.candidate}
            | {"asked": one.asked, "won": one.won, "lost": one.lost}
            for one in facts.changes
        ],
        "promotions": [
            {"generation": row.generation, "promoted": row.promoted, "reason": row.reason}
            for row in facts.promotions
        ],
        "leaks": {
            "stopped": leaks.stopped,
            "near": leaks.near.some,
            "questions": leaks.near.items,
            "all": _interval(leaks.near.all),
            "of_near": _interval(leaks.near.some_score),
            "of_others": _interval(leaks.near.other_score),
        },
        "mastery": _mastery(facts.mastery),
        "documents": facts.preparation,
        "pairs": list(facts.funnel),
        "training": [
            {"generation": row.generation, "parent": row.parent, "sha256": row.sha256}
            | {"examples": row.examples, "steps": row.steps}
            | {"first_loss": _finite(row.first_loss), "last_loss": _finite(row.last_loss)}
            for row in facts.adapters
        ],
        "cost": [
            {"generation": row.generation, "stage": row.name, "items": row.items}
            | {"seconds": row.seconds, "cpu_seconds": row.cpu_seconds, "done": bool(row.done)}
            for row in facts.stages.values()
        ],
    }


def _digest(settings: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _evaluation(row: Evaluation) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _differences(rows: tuple[Difference, ...]) -> Iterator[dict[str, Any]]:
    """In the order of exams. Holm is over the generations of an exam that have the same relation.

    That is: to the base, or to a leader, wherever that was not the base.
    """
    order = list(EXAMS)

    def family(row: Difference) -> tuple[Any, ...]:
        place = order.index((row.suite, row.mode)) if (row.suite, row.mode) in order else 99
        return place, row.suite, row.mode, row.metric, min(row.against, 1)

    for _, some in groupby(sorted(rows, key=family), key=family):
        together = list(some)
        for row, p in zip(together, holm([row.p for row in together]), strict=True):
            values = {name: getattr(row, name) for name in row.__slots__}
            yield values | {"p_holm": p, "verdict": Change(row, p).verdict}


def _standings(found: Rivals) -> Iterator[dict[str, Any]]:
    """Each rival in each exam, and how far the leader is above it."""
    for board in found.boards:
        for one in board.standings:
            gap = one.gap
            yield _evaluation(one.score) | {
                "leader": found.leader,
                "leader_above": gap.change._asdict() if gap else None,
                "p_holm": gap.p if gap else None,
                "verdict": one.told if gap else None,
            }


def _judged(row: Judged) -> dict[str, Any]:
    found = row.found
    return {
        "judge": row.judge,
        "generation": row.generation,
        "against": row.against,
        "wins": _interval(found.wins),
        "verdict": row.told,
        "asked": found.asked,
        "agreement": _interval(found.agreement),
        "unclear": _interval(found.unclear),
        "first_preferred": _interval(found.first),
    }


def _mastery(found: Mastery) -> dict[str, Any]:
    return {
        "metric": found.metric,
        "generation": found.candidate,
        "placed": len(found.questions),
        "unplaced": found.unplaced,
        "documents": [
            {
                "path": one.path,
                **_part(one.whole),
                "parts": [{"heading": list(part.heading)} | _part(part) for part in one.parts],
                "missed": [_missed(asked) for asked in one.missed],
            }
            for one in found.documents
        ],
    }


def _part(part: Part) -> dict[str, Any]:
    return {"asked": part.asked, "known": part.known} | {
        "base": _interval(part.base),
        "now": _interval(part.now),
    }


def _missed(asked: Asked) -> dict[str, Any]:
    return {
        "item": asked.item.id,
        "question": asked.item.question,
        "heading": list(asked.source.heading),
        "page": asked.source.page,
        "base": asked.base,
        "now": asked.now,
    }


def _interval(row: Interval | None) -> dict[str, Any] | None:
    return row._asdict() if row else None


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
