"""Scores relative to a named model's, on the same questions: the paper's BLEU / BLEU_HQ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from self_evolution.engines.others import label
from self_evolution.ledger import Ledger
from self_evolution.metrics import METRICS
from self_evolution.records import seed_of
from self_evolution.stages.evaluate import EXAMS, marks
from self_evolution.statistics import RESAMPLES, Ratio, ratio


@dataclass(frozen=True, slots=True)
class Relative:
    """The candidate's mean over that of generation `reference`, called `name`."""

    reference: int
    name: str
    suite: str
    mode: str
    metric: str
    ratio: Ratio


def references(ledger: Ledger) -> dict[int, str]:
    """{generation: name} of the models that scores are put in relation to: the base, the rivals."""
    names = {row.generation: label(row.name, row.identity) for row in ledger.rivals()}
    return {0: "the base"} | names


def relative(
    ledger: Ledger, candidate: int, names: Mapping[int, str], resamples: int = RESAMPLES
) -> list[Relative]:
    """Of every metric with a best end, in every exam that both have taken."""
    return [
        one
        for reference, name in names.items()
        if reference != candidate
        for suite, mode in EXAMS
        for one in _exam(ledger, candidate, reference, name, suite, mode, resamples)
    ]


def _exam(
    ledger: Ledger,
    candidate: int,
    reference: int,
    name: str,
    suite: str,
    mode: str,
    resamples: int,
) -> Iterator[Relative]:
    theirs = {item.id: text for item, text in ledger.predictions(reference, suite, mode)}
    mine = [row for row in ledger.predictions(candidate, suite, mode) if row[0].id in theirs]
    for metric in sorted(METRICS):
        if METRICS[metric].aim == "even":
            continue
        rows = [
            (score, other, item.cluster)
            for item, text in mine
            if (score := marks(metric, item, text)) is not None
            and (other := marks(metric, item, theirs[item.id])) is not None
        ]
        if rows:
            scores, others, clusters = zip(*rows, strict=True)
            seed = seed_of("ratio", suite, mode)
            found = ratio(scores, others, clusters, resamples=resamples, seed=seed)
            yield Relative(reference, name, suite, mode, metric, found)
