"""What the page says, gathered from the ledger: plain values, no HTML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from self_evolution import config as recipes
from self_evolution.config import Config
from self_evolution.evaluation.tasks import RECALL, passage_found
from self_evolution.ledger import DocumentRow, Ledger, StageRow
from self_evolution.records import Adapter, Difference, Document, Evaluation, Promotion
from self_evolution.report.headline import EXAMS, Headline, headline
from self_evolution.report.judge import Bench, bench
from self_evolution.report.leaks import Leaks, leaks
from self_evolution.report.mastery import Mastery, mastery
from self_evolution.report.relative import Relative, references, relative
from self_evolution.report.remaining import remaining
from self_evolution.report.rivals import Rivals, rivals
from self_evolution.report.samples import Changes, Samples, changes, samples
from self_evolution.report.sets import TestSets, test_sets


@dataclass(frozen=True, slots=True)
class Exam:
    """All metrics of one suite in one mode: rows[generation][metric].

    Scores of a metric with more than one signature are not comparable over the generations.
    """

    suite: str
    mode: str
    title: str
    metrics: tuple[str, ...]
    rows: dict[int, dict[str, Evaluation]]
    signatures: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Counts:
    """Names in order of their totals, and how many pairs each has in each generation."""

    names: tuple[str, ...]
    cells: dict[tuple[str, int], int]

    def total(self, name: str) -> int:
        return sum(n for (one, _), n in self.cells.items() if one == name)


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
    """Everything on the page, in its order; what is not there yet is empty, never missing."""

    headline: Headline
    remaining: str
    exams: tuple[Exam, ...]
    differences: tuple[Difference, ...]
    relative: tuple[Relative, ...]
    mastery: Mastery
    tests: TestSets
    found: tuple[str, ...]
    leaks: Leaks
    rivals: Rivals
    judged: Bench
    preparation: dict[str, int]
    unreadable: tuple[Document, ...]
    documents: tuple[DocumentRow, ...]
    left_out: dict[str, int]
    funnel: tuple[dict[str, int], ...]
    reasons: Counts
    outcomes: Counts
    adapters: tuple[Adapter, ...]
    promotions: tuple[Promotion, ...]
    samples: tuple[Samples, ...]
    changes: tuple[Changes, ...]
    stages: dict[tuple[str, int], StageRow]
    stage_names: tuple[str, ...]
    stage_generations: tuple[int, ...]
    settings: tuple[Setting, ...]
    versions: dict[str, str]
    model: dict[str, Any]


def gather(config: Config, ledger: Ledger) -> Facts:
    first = headline(config, ledger)
    funnel = ledger.pairs.funnel()
    stages = {(row.name, row.generation): row for row in _telling(ledger.stages())}
    sources = ledger.sources.find(ledger.items.all())
    known = mastery(ledger, first.metric, first.candidate, sources)
    names = references(ledger)
    return Facts(
        headline=first,
        remaining=remaining(known),
        exams=tuple(_exams(ledger.evaluations.of_generations())),
        differences=tuple(ledger.evaluations.differences()),
        relative=tuple(
            relative(ledger, first.candidate, names, first.metric, config.evaluate.resamples)
        ),
        mastery=known,
        tests=test_sets(config, ledger),
        found=tuple(_found(ledger.evaluations.of_generations(), first.candidate)),
        leaks=leaks(ledger, first.metric, first.candidate),
        rivals=rivals(config, ledger),
        judged=bench(config, ledger),
        preparation=ledger.fragments.counts(),
        unreadable=tuple(row for row in ledger.documents.here() if row.problem),
        documents=tuple(row for row in ledger.documents.rows() if not row.document.problem),
        left_out=ledger.meta("left_out") or {},
        funnel=tuple(funnel),
        reasons=_counts(ledger.pairs.reasons()),
        outcomes=_counts(ledger.pairs.outcomes()),
        adapters=tuple(ledger.training.adapters()),
        promotions=tuple(ledger.evaluations.promotions()),
        samples=tuple(samples(ledger, [row["generation"] for row in funnel])),
        changes=tuple(changes(ledger, first.metrics, first.candidate, sources)),
        stages=stages,
        stage_names=tuple(_in_order({name for name, _ in stages})),
        stage_generations=tuple(sorted({generation for _, generation in stages})),
        settings=tuple(_settings(config)),
        versions=ledger.meta("versions") or {},
        model=(ledger.meta("model") or {}) | {"revision": ledger.meta("revision") or ""},
    )


def _exams(rows: list[Evaluation]) -> Iterable[Exam]:
    for suite, mode in EXAMS:
        mine = [row for row in rows if (row.suite, row.mode) == (suite, mode)]
        if mine:
            yield Exam(
                suite,
                mode,
                EXAMS[suite, mode],
                tuple(sorted({row.metric for row in mine})),
                {
                    generation: {row.metric: row for row in some}
                    for generation, some in groupby(mine, key=lambda row: row.generation)
                },
                {
                    metric: tuple(sorted({row.signature for row in mine if row.metric == metric}))
                    for metric in sorted({row.metric for row in mine})
                },
            )


def _found(rows: list[Evaluation], candidate: int) -> Iterable[str]:
    """How often the search found the right passage, a sentence a suite."""
    for suite, mode in EXAMS:
        for row in rows:
            of = (row.generation, row.suite, row.mode)
            if of == (candidate, suite, mode) and row.metric.startswith(RECALL.format("")):
                yield passage_found(row)


def _counts(rows: list[tuple[int, str, int]]) -> Counts:
    cells = {(name, generation): n for generation, name, n in rows}
    counts = Counts(tuple({name for name, _ in cells}), cells)
    return Counts(tuple(sorted(counts.names, key=lambda n: (-counts.total(n), n))), cells)


def _telling(rows: list[StageRow]) -> list[StageRow]:
    """Without the stages that had nothing to do in any generation, and nothing to say."""
    telling = {row.name for row in rows if row.items or row.note or not row.done}
    return [row for row in rows if row.name in telling]


def _in_order(names: set[str]) -> list[str]:
    from self_evolution.schedule import STAGES

    order = list(STAGES)
    return sorted(names, key=lambda name: (order.index(name) if name in order else 99, name))


def _settings(config: Config) -> Iterable[Setting]:
    default = recipes.load("default").flat()
    for name, value in config.flat().items():
        yield Setting(name, value, default[name])
