"""What the report says first: what was won, what was lost, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from self_evolution.config import Config
from self_evolution.evaluation.statistics import NO_DIFFERENCE, holm
from self_evolution.evaluation.tasks import deciding
from self_evolution.ledger import Ledger
from self_evolution.records import Difference, Evaluation
from self_evolution.report import caveats, sentences
from self_evolution.report.words import Trend, trend

EXAMS = {
    ("domain", "closed"): "Domain questions, book closed",
    ("domain", "retrieved"): "Domain questions, with search",
    ("domain", "open"): "Domain questions, passage at hand",
    ("seen", "closed"): "Built questions, book closed",
    ("seen", "retrieved"): "Built questions, with search",
    ("seen", "open"): "Built questions, passage at hand",
    ("unseen", "closed"): "Unseen documents, book closed",
    ("unseen", "retrieved"): "Unseen documents, with search",
    ("unseen", "open"): "Unseen documents, passage at hand",
    ("abilities", "closed"): "Former abilities, the base's own questions",
    ("abilities", "open"): "Former abilities, the base's own questions, with a passage",
    ("retention", "closed"): "Former abilities, from memory",
    ("retention", "open"): "Former abilities, with a passage",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A generation's paired difference to the base; `p` is adjusted for all its generations."""

    row: Difference
    p: float

    @property
    def different(self) -> bool:
        return self.row.shown and self.p < 0.05

    @property
    def verdict(self) -> str:
        if not self.different:
            return NO_DIFFERENCE
        return "rose" if self.row.mean > 0 else "fell"


@dataclass(frozen=True, slots=True)
class Comparison:
    """An exam's deciding metric for the base and for the generation that is compared with it."""

    suite: str
    mode: str
    base: Evaluation
    now: Evaluation
    change: Change | None = None

    @property
    def title(self) -> str:
        return EXAMS[self.suite, self.mode]

    @property
    def trend(self) -> Trend:
        if self.change is None:
            return trend(self.base, self.now)
        if not self.change.different:
            return "same"
        return "rose" if self.change.row.mean > 0 else "fell"


@dataclass(frozen=True, slots=True)
class Headline:
    """`candidate`: the leader, or the last evaluated generation as long as the base leads.

    `metric` decides on domain questions with the book closed, `metrics` in each exam.
    """

    sentence: str
    losses: str
    status: str
    caveats: tuple[str, ...]
    metric: str
    metrics: Mapping[tuple[str, str], str]
    leader: int
    candidate: int
    comparisons: tuple[Comparison, ...]
    changes: dict[tuple[int, str, str], Change]


def since_base(
    ledger: Ledger, metrics: Mapping[tuple[str, str], str]
) -> dict[tuple[int, str, str], Change]:
    """{(generation, suite, mode): change since the base}, p after Holm over the generations."""
    found: dict[tuple[int, str, str], Change] = {}
    for exam in EXAMS:
        rows = [
            row
            for row in ledger.evaluations.differences(against=0)
            if (row.suite, row.mode) == exam
        ]
        rows = [row for row in rows if row.metric == metrics[exam]]
        for row, p in zip(rows, holm([row.p for row in rows]), strict=True):
            found[row.generation, row.suite, row.mode] = Change(row, p)
    return found


def headline(config: Config, ledger: Ledger) -> Headline:
    rows = ledger.evaluations.of_generations()
    metrics = deciding(ledger, config.promote.metric)
    metric = metrics["domain", "closed"]
    leader = max(
        (row.generation for row in ledger.evaluations.promotions() if row.promoted), default=0
    )
    evaluated = {row.generation for row in rows}
    candidate = leader if leader else max(evaluated, default=0)
    found = {
        (row.generation, row.suite, row.mode): row
        for row in rows
        if row.metric == metrics.get((row.suite, row.mode))
    }
    changes = since_base(ledger, metrics)
    comparisons = tuple(
        Comparison(*exam, found[0, *exam], found[candidate, *exam], changes.get((candidate, *exam)))
        for exam in EXAMS
        if (0, *exam) in found and (candidate, *exam) in found
    )
    domain = {c.mode: c for c in comparisons if c.suite == "domain"}
    return Headline(
        sentence=sentences.gain(config, ledger, metric, leader, candidate, domain.get("closed")),
        losses=sentences.losses(comparisons, candidate, metric),
        status=sentences.status(config, ledger, leader),
        caveats=tuple(caveats.caveats(config, ledger, metric, leader, candidate, comparisons)),
        metric=metric,
        metrics=metrics,
        leader=leader,
        candidate=candidate,
        comparisons=comparisons,
        changes=changes,
    )
