"""The facts of a report: read from the ledger or computed, without any wording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from self_evolution import config as recipes
from self_evolution.config import Config
from self_evolution.forecast.beside import Beside, beside
from self_evolution.ledger import (
    Conflict,
    DocumentRow,
    ForecastRow,
    Ledger,
    RewriteCounts,
    TeacherCounts,
    TrustedCounts,
)
from self_evolution.records import Adapter, Document, Evaluation, Promotion
from self_evolution.report.facts.corrected import Corrections, corrections
from self_evolution.report.facts.counts import Counts, counts
from self_evolution.report.facts.coverage import Coverage, coverage
from self_evolution.report.facts.evaluations import (
    Differences,
    Lead,
    TaskScores,
    differences,
    lead,
    recalls,
    task_scores,
)
from self_evolution.report.facts.examples import Samples, WonAndLost, samples, won_and_lost
from self_evolution.report.facts.mastery import Mastery, mastery
from self_evolution.report.facts.others import Bench, Rivals, bench, rivals
from self_evolution.report.facts.questions import TestSets, test_sets
from self_evolution.report.facts.relative import Relative, relative
from self_evolution.report.facts.remaining import Remaining, remaining
from self_evolution.report.facts.state import Stages, State, stages, state
from self_evolution.report.facts.subsets import (
    Leaks,
    Outdated,
    Subset,
    leaks,
    outdated,
    subset,
)


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    value: Any
    default: Any

    @property
    def changed(self) -> bool:
        return bool(self.value != self.default)


@dataclass(frozen=True, slots=True)
class Facts:
    """All facts of a report; facts that do not exist yet are empty. `current` is the subset of the
    questions on documents that have changed; None if there are none.
    """

    run: str
    config: Config
    state: State
    lead: Lead
    remaining: Remaining | None
    task_scores: tuple[TaskScores, ...]
    differences: Differences
    relative: tuple[Relative, ...]
    mastery: Mastery
    tests: TestSets
    recalls: tuple[Evaluation, ...]
    leaks: Leaks
    outdated: Outdated
    current: Subset | None
    rivals: Rivals
    judged: Bench
    preparation: dict[str, int]
    unreadable: tuple[Document, ...]
    documents: tuple[DocumentRow, ...]
    left_out: dict[str, int]
    trusted: TrustedCounts
    teachers: list[TeacherCounts]
    rewrites: list[RewriteCounts]
    corrections: Corrections
    conflicts: tuple[Conflict, ...]
    coverage: Coverage | None
    funnel: tuple[dict[str, int], ...]
    reasons: Counts[int]
    outcomes: Counts[int]
    adapters: tuple[Adapter, ...]
    promotions: tuple[Promotion, ...]
    samples: tuple[Samples, ...]
    changes: tuple[WonAndLost, ...]
    stages: Stages
    forecast: dict[tuple[int, str], ForecastRow]
    beside: list[Beside]
    settings: tuple[Setting, ...]
    versions: dict[str, str]
    model: dict[str, Any]


def gather(config: Config, ledger: Ledger) -> Facts:
    compared = differences(ledger.evaluations.differences())
    first = lead(config, ledger, compared)
    rows = ledger.evaluations.of_generations()
    sources = ledger.sources.find(ledger.items.all())
    known = mastery(ledger, first.metric, first.compared, sources)
    others = rivals(config, ledger)
    changed = outdated(ledger)
    funnel = ledger.pairs.funnel()
    defaults = recipes.load("default").flat()
    return Facts(
        run=ledger.path.absolute().parent.name,
        config=config,
        state=state(config, ledger),
        lead=first,
        remaining=remaining(known),
        task_scores=tuple(task_scores(rows)),
        differences=compared,
        relative=tuple(
            relative(ledger, first.compared, others.names, first.metric, config.evaluate.resamples)
        ),
        mastery=known,
        tests=test_sets(config, ledger),
        recalls=tuple(recalls(rows, first.compared)),
        leaks=leaks(ledger, first.metric, first.compared),
        outdated=changed,
        current=subset(ledger, first.metric, first.compared, ledger.items.outdated())
        if changed.gone
        else None,
        rivals=others,
        judged=bench(config, ledger),
        preparation=ledger.fragments.counts(),
        unreadable=tuple(row for row in ledger.documents.here() if row.problem),
        documents=tuple(row for row in ledger.documents.rows() if not row.document.problem),
        left_out=ledger.meta("left_out") or {},
        trusted=ledger.trusted.counts(),
        teachers=ledger.teachers.counts(),
        rewrites=ledger.rewrites.counts(),
        corrections=corrections(ledger, first.compared),
        conflicts=tuple(ledger.contradictions.conflicts()),
        coverage=coverage(config, ledger),
        funnel=tuple(funnel),
        reasons=counts(ledger.pairs.reasons()),
        outcomes=counts(ledger.pairs.outcomes()),
        adapters=tuple(ledger.training.adapters()),
        promotions=tuple(ledger.evaluations.promotions()),
        samples=tuple(samples(ledger, [row["generation"] for row in funnel])),
        changes=tuple(won_and_lost(ledger, first.metrics, first.compared, sources)),
        stages=stages(ledger),
        forecast=ledger.forecast(),
        beside=beside(ledger),
        settings=tuple(
            Setting(name, value, defaults[name]) for name, value in config.flat().items()
        ),
        versions=ledger.meta("versions") or {},
        model=(ledger.meta("model") or {}) | {"revision": ledger.meta("revision") or ""},
    )
