"""The format of results.json as a whole, from which results.schema.json is made (`make schema`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from self_evolution.ledger import RewriteCounts, TeacherCounts, TrustedCounts
from self_evolution.records import Evaluation, Promotion, Rival
from self_evolution.report.render.results.base import Model
from self_evolution.report.render.results.run import (
    BaseModelFiles,
    Contradiction,
    Corrections,
    Cost,
    Coverage,
    Headline,
    Pairs,
    Run,
    Tests,
    Training,
)
from self_evolution.report.render.results.scores import (
    AdjustedDifference,
    Changes,
    Judged,
    Leaks,
    Mastery,
    Relative,
    Standing,
)

VERSION = 1
"""Rises when a program that reads the file must change."""

SCHEMA = Path(__file__).parents[2] / "results.schema.json"


class Results(Model):
    """RUN/report/results.json: generation 0 is the base model, those below 0 are rivals.

    Means, differences and their intervals (95%) are in percent or points. A `suite` is domain,
    choice, seen or unseen (test questions), abilities (set by the base) or retention (the user's),
    the last two on former abilities. The `mode` says how a question was put: closed (from memory),
    retrieved (with what a search finds), or open (with its passage). Scores are comparable only if
    their signatures are equal. All that two equal runs do not share is under `cost`.
    """

    format: Literal[1] = Field(alias="schema")
    """version of this format; it rises when a program that reads the file must change"""
    run: Run
    model: BaseModelFiles
    headline: Headline
    tests: Tests
    evaluations: list[Evaluation]
    differences: list[AdjustedDifference]
    relative: list[Relative]
    rivals: list[Rival]
    standings: list[Standing]
    judged: list[Judged]
    changes: list[Changes]
    promotions: list[Promotion]
    leaks: Leaks
    mastery: Mastery
    documents: dict[str, int]
    """documents, sections and fragments, counted"""
    pairs: list[Pairs]
    trusted: TrustedCounts
    teachers: list[TeacherCounts]
    rewrites: list[RewriteCounts]
    corrections: Corrections
    coverage: Coverage | None
    contradictions: list[Contradiction]
    training: list[Training]
    cost: list[Cost]


def schema() -> str:
    """The JSON schema of results.json as text."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Results of a Self-Evolution run",
    }
    found = head | _closed(Results.model_json_schema(mode="serialization"))
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _closed(value: Any) -> Any:
    """Every object forbids what it does not describe; titles that repeat a name are left out."""
    if isinstance(value, list):
        return [_closed(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    plain = {k: _closed(v) for k, v in value.items() if k != "title" or not isinstance(v, str)}
    return {"additionalProperties": False} | plain if "properties" in plain else plain
