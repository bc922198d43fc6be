"""Scores relative to a named model's, on the same questions: the paper's BLEU / BLEU_HQ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from self_evolution.evaluation.statistics import RESAMPLES, Ratio, ratio
from self_evolution.evaluation.tasks import EXAMS, marks
from self_evolution.ledger import Ledger
from self_evolution.models.other_models import label
from self_evolution.records import Item, seed_of

OVERLAP = ("bleu-4", "rouge-l")
"""Metrics that are put in relation besides the one that decides: the paper's."""


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
    names = {row.generation: label(row.name, row.identity) for row in ledger.evaluations.rivals()}
    return {0: "the base"} | names


def relative(
    ledger: Ledger,
    candidate: int,
    names: Mapping[int, str],
    metric: str,
    resamples: int = RESAMPLES,
) -> list[Relative]:
    """Of `metric` and OVERLAP, in every exam that both have taken; each answer is scored once."""
    metrics = tuple(dict.fromkeys((metric, *OVERLAP)))
    found = []
    for suite, mode in EXAMS:
        mine = _scores(ledger, candidate, suite, mode, metrics)
        for reference, name in names.items():
            if reference == candidate or not mine:
                continue
            theirs = _scores(ledger, reference, suite, mode, metrics)
            if not theirs:
                continue
            for one in metrics:
                common = [item for item in mine[one] if item in theirs[one]]
                if common:
                    value = ratio(
                        [mine[one][item] for item in common],
                        [theirs[one][item] for item in common],
                        [item.cluster for item in common],
                        resamples=resamples,
                        seed=seed_of("ratio", suite, mode),
                    )
                    found.append(Relative(reference, name, suite, mode, one, value))
    order = list(names)
    return sorted(found, key=lambda one: order.index(one.reference))


def _scores(
    ledger: Ledger, generation: int, suite: str, mode: str, metrics: Sequence[str]
) -> dict[str, dict[Item, float]]:
    """{metric: {item: score}} of the items that it applies to; empty if none were answered."""
    answers = ledger.evaluations.predictions(generation, suite, mode)
    scored = {
        one: {item: marks(one, item, text) for item, text in answers} for one in metrics if answers
    }
    return {
        one: {item: score for item, score in some.items() if score is not None}
        for one, some in scored.items()
    }
