"""The format of results.json, from which results.schema.json is made (`make schema`).

Each model is made from any object that has the attributes of its fields.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasPath, BaseModel, ConfigDict, Field

VERSION = 1
"""Rises when a program that reads the file must change."""

SCHEMA = Path(__file__).parents[1] / "results.schema.json"

SUITE = Field(
    description="domain, seen, unseen (test questions), or one of former abilities: abilities (set "
    "by the base), retention (the user's)"
)
MODE = Field(
    description="how the question was put: closed (from memory), retrieved (with what a search "
    "finds), open (with its passage)"
)
Suite = Annotated[str, SUITE]
Mode = Annotated[str, MODE]
SuiteOfTask = Annotated[str, SUITE, Field(validation_alias=AliasPath("task", "suite"))]
ModeOfTask = Annotated[str, MODE, Field(validation_alias=AliasPath("task", "mode"))]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Loss = Annotated[
    float | None, AfterValidator(lambda loss: loss if math.isfinite(loss or 0) else None)
]
"""Null where training diverged."""


def _of(*path: str) -> Any:
    """A field that is taken from an attribute of an attribute."""
    return Field(validation_alias=AliasPath(path[0], *path[1:]))


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True, use_attribute_docstrings=True)


class Interval(Model):
    """A mean in percent, or a difference in points, with its 95% interval."""

    mean: float
    low: float
    """lower end of the 95% interval"""
    high: float
    """upper end"""
    n: int
    """items that the metric applies to"""


class PairedDifference(Interval):
    p: float
    """two-sided, of no difference"""


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
    name: str
    """as given: a folder or a hub name"""
    revision: str
    """of the hub, or empty"""
    files: dict[str, Any]
    """digests of the model's files"""


class Headline(Model):
    sentence: str
    """what was won"""
    losses: str
    """what was lost elsewhere"""
    remaining: str
    """where the remaining errors are, or empty"""
    status: str
    caveats: list[str]
    metric: str
    """the one that decides; in former abilities another may (see differences)"""
    leader: int
    """the generation to use"""
    candidate: int
    """the generation that is compared with the base: the leader, or the last evaluated one while
    the base leads"""


class Seal(Model):
    version: int
    origin: Literal["given", "built", "reviewed"]
    items: int
    sha256: str


class TestSet(Model):
    suite: Suite
    kind: Literal["own", "seen", "unseen", "ability"]
    questions: int
    documents: int
    """that they were built from; 0 if unknown"""
    power: str
    """the smallest difference that the set can show"""


class Tests(Model):
    seal: Seal | None
    """the test questions as they were locked"""
    sets: list[TestSet]
    held_out_documents: int = _of("held_out")


class Evaluation(Model):
    generation: int
    """0 is the base model, below 0 a rival"""
    suite: Suite
    mode: Mode
    metric: str
    """name of the metric; scores are in percent"""
    mean: float
    low: float
    """lower end of the 95% interval"""
    high: float
    """upper end"""
    n: int
    """items that the metric applies to"""
    signature: str
    """settings and versions; scores are comparable only if their signatures are equal"""


class Difference(Model):
    generation: int
    against: int
    """the generation it is compared with: 0 the base, above 0 who led at the time, below 0 a
    rival"""
    suite: Suite
    mode: Mode
    metric: str
    mean: float
    low: float
    """lower end of the 95% interval"""
    high: float
    """upper end"""
    n: int
    """items that the metric applies to"""
    p: float
    """two-sided, of no difference"""
    p_holm: float
    """adjusted for all generations of the task with the same relation (base, leader, or the
    rival)"""
    verdict: Literal["rose", "fell", "no difference shown"]


class Relative(Model):
    generation: int
    reference: int
    """generation of the reference, 0 the base, below 0 a rival"""
    name: str
    """of the reference"""
    suite: SuiteOfTask
    mode: ModeOfTask
    metric: str
    ratio: float | None = _of("ratio", "value")
    """mean over the reference's mean, on the same questions"""
    low: float | None = _of("ratio", "low")
    high: float | None = _of("ratio", "high")
    n: int = _of("ratio", "n")
    undefined: str = _of("ratio", "undefined")
    """why there is no ratio, or empty"""


class Rival(Model):
    generation: int = Field(le=-1)
    """its number, below 0"""
    name: str
    """as given: a folder, a hub name, or an address"""
    identity: str
    """tells it from another model of that name"""


class Standing(Evaluation):
    """A rival's score."""

    leader: int
    """the generation it is held against"""
    leader_above: PairedDifference | None
    """the leader's score minus the rival's, in points, paired; null as long as the leader has not
    taken the task"""
    p_holm: float | None
    """p after Holm over all standings"""
    verdict: str | None


class Judged(Model):
    judge: str
    """as given by --judge"""
    generation: int
    against: int
    """0 the base, below 0 a rival"""
    wins: Interval
    """a tie counts half"""
    verdict: str
    asked: int
    """questions with two different answers"""
    agreement: Interval | None
    """questions asked where both orders have the same outcome"""
    unclear: Interval | None
    """replies that say nothing clear"""
    first_preferred: Interval | None
    """of the replies that prefer one, those that prefer the answer shown first"""


class Changes(Model):
    suite: SuiteOfTask
    mode: ModeOfTask
    metric: str
    """the one that decides in this task"""
    generation: int
    asked: int
    won: int
    """questions answered better than by the base"""
    lost: int


class Promotion(Model):
    generation: int
    promoted: bool
    reason: str


class Leaks(Model):
    stopped: int
    """pairs that were evaluation questions, or nearly so, and not trained on"""
    near: int = _of("near", "some")
    """closed-book domain questions that resemble one trained on"""
    questions: int = _of("near", "questions")
    """closed-book domain questions"""
    all: Interval | None = _of("near", "all")
    of_near: Interval | None = _of("near", "some_score")
    of_others: Interval | None = _of("near", "other_score")


class Part(Model):
    heading: list[str]
    """from the top"""
    asked: int
    known: float
    """sum of the scores, each 0 to 1"""
    base: Interval
    now: Interval


class Missed(Model):
    item: str = _of("item", "id")
    """id in the ledger"""
    question: str = _of("item", "question")
    heading: list[str] = _of("source", "heading")
    page: int | None = _of("source", "page")
    base: float
    """score in percent"""
    now: float


class Document(Model):
    path: str
    asked: int = _of("whole", "asked")
    known: float = _of("whole", "known")
    """sum of the scores, each 0 to 1"""
    base: Interval = _of("whole", "base")
    now: Interval = _of("whole", "now")
    parts: list[Part]
    missed: list[Missed]
    """questions that are not fully known"""


class Mastery(Model):
    metric: str
    generation: int = _of("candidate")
    placed: int
    """questions whose place in the documents is known"""
    unplaced: int
    documents: list[Document]
    """most missed first; of test questions on documents that are trained on, book closed"""


class Pairs(Model):
    generation: int
    questions: int
    answers: int
    kept: int
    scored: int
    new: int
    replay: int
    rehearsal: int


class Training(Model):
    """An adapter."""

    generation: int
    parent: int
    """the generation that it continues"""
    sha256: Sha256
    examples: int
    steps: int
    first_loss: Loss
    last_loss: Loss


class Cost(Model):
    generation: int
    stage: str = _of("name")
    items: int
    seconds: float
    cpu_seconds: float
    done: bool


class Results(Model):
    """RUN/report/results.json. Means, differences and their intervals (95%) are in percent or
    points. All that two equal runs do not share is under `cost`."""

    format: Literal[1] = Field(alias="schema")
    """version of this format; it rises when a program that reads the file must change"""
    run: Run
    model: BaseModelFiles
    headline: Headline
    tests: Tests
    evaluations: list[Evaluation]
    """every generation in every task and metric"""
    differences: list[Difference]
    """paired question by question, in the metric that decides in the task, in points"""
    relative: list[Relative]
    rivals: list[Rival]
    """other models that were asked too, by --against"""
    standings: list[Standing]
    """every rival in every task, in the metric that decides"""
    judged: list[Judged]
    """which answers a model as judge prefers, in both orders; it decides nothing"""
    changes: list[Changes]
    promotions: list[Promotion]
    leaks: Leaks
    mastery: Mastery
    documents: dict[str, int]
    """documents, sections and fragments, counted"""
    pairs: list[Pairs]
    training: list[Training]
    """an adapter each"""
    cost: list[Cost]


def schema() -> str:
    """The JSON schema of results.json as text."""
    found = Results.model_json_schema(mode="serialization")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Results of a Self-Evolution run",
    }
    return json.dumps(head | _plain(found), ensure_ascii=False, indent=1) + "\n"


def _plain(value: Any) -> Any:
    """Without the titles that only repeat the names of the fields."""
    if isinstance(value, dict):
        return {
            key: _plain(inner)
            for key, inner in value.items()
            if key != "title" or not isinstance(inner, str)
        }
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
