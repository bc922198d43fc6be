"""A run in results.json: its settings, tests, pairs, training and cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from self_evolution.evaluation.corrections.recheck import Learnt
from self_evolution.records import Lock
from self_evolution.report.facts.coverage import Uncovered
from self_evolution.report.facts.questions import TestSet
from self_evolution.report.render import headline
from self_evolution.report.render.results.base import Interval, Model, of

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Loss = Annotated[
    float | None, AfterValidator(lambda loss: loss if math.isfinite(loss or 0) else None)
]
"""Null where training diverged."""


class Setting(Model):
    value: Any
    default: Any


class Run(Model):
    domain: str
    """name of the domain, or empty"""
    recipe: str
    seed: int
    generations: int
    """as planned"""
    settings_sha256: Sha256
    """of all settings"""
    settings_changed: dict[str, Setting]
    """settings that differ from the recipe `default`, by name"""
    versions: dict[str, str]
    """of Python and the libraries"""


class BaseModelFiles(Model):
    """`name`: a folder or a hub name, as given; `revision`: of the hub, or empty."""

    name: str
    revision: str
    files: dict[str, Any]
    """digests of the model's files"""


@dataclass(frozen=True, slots=True)
class Headline(headline.Headline):
    """Sentences on what was won, what was lost elsewhere, and where errors remain.

    `metric` is the one that decides on domain questions, `leader` the generation to use. The
    `candidate` is compared with the base: the leader, or the last evaluated generation while the
    base leads.
    """

    metric: str
    leader: int
    candidate: int


class Tests(Model):
    lock: Lock | None
    """the test questions as they were locked"""
    sets: list[TestSet]
    held_out_documents: int = of("held_out")


class Pairs(Model):
    generation: int
    questions: int
    trusted: int
    """of these questions, the user's own"""
    answers: int
    kept: int
    scored: int
    new: int
    replay: int
    rewrites: int
    """texts about fragments, beside the pairs"""
    rehearsal: int


class Corrected(Model):
    """A correction that counts, and what the compared generation answers now."""

    id: str = of("correction", "id")
    generation: int = of("correction", "generation")
    """with which it entered"""
    verdict: str = of("correction", "verdict")
    question: str = of("correction", "question")
    answer: str = of("correction", "answer")
    """as it was when the person saw it"""
    wanted: str = of("correction", "target")
    """the answer to learn, or empty"""
    taught: int
    """pairs made from it"""
    removed: int
    """pairs that it removed from training"""
    stopped: str | None
    """why its own pair is not trained on"""
    now: str | None
    right: bool
    held_right: int
    """questions in other words that are answered right"""
    held: int


class Corrections(Model):
    """What people corrected; empty without any feedback."""

    entered: int
    rows: list[Corrected]
    learnt: dict[int, Learnt]
    """by generation"""


class Stated(Model):
    """How many of the documents' statements (sentences, items, rows) the kept pairs state."""

    total: int
    covered: dict[int, int]
    """statements, by generation, with the pairs up to it"""
    share: Interval
    """in percent"""


class Coverage(Model):
    """How many of the documents' values the kept pairs state, on a random part of the fragments."""

    fragments: int
    total: int
    values: int
    covered: dict[int, int]
    """values, by generation, with the pairs up to it"""
    share: Interval
    """in percent"""
    statements: Stated | None
    examples: list[Uncovered]


class Place(Model):
    """An answer, and the document and page, or the file and row, that it comes from."""

    answer: str
    path: str
    place: str


class Contradiction(Model):
    """A pair that is not trained on, and one with the same question that contradicts it."""

    question: str = of("pair", "question")
    left_out: Place = of("pair")
    other: Place
    believed: bool
    """the other one is trained on; otherwise neither is"""


class Training(Model):
    """An adapter, which continues that of generation `parent`."""

    generation: int
    parent: int
    sha256: Sha256
    examples: int
    steps: int
    first_loss: Loss
    last_loss: Loss


class Expected(Model):
    """What a stage was expected to take: seconds from `low` to `high`, and memory in bytes."""

    tokens: float
    seconds: float
    low: float
    high: float
    cpu_seconds: float
    memory: int


class Cost(Model):
    generation: int
    stage: str = of("name")
    items: int
    seconds: float
    cpu_seconds: float
    done: bool
    tokens: int
    """that models have read, written, trained on or scored"""
    memory: int
    """in bytes, the most that the process had taken at the end of the stage"""
    expected: Expected | None
    """by the forecast at the beginning of the run, if there was one"""
