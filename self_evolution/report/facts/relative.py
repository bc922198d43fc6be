"""Scores relative to a named model's, on the same questions: the paper's BLEU / BLEU_HQ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from self_evolution.evaluation.differences import both, scored
from self_evolution.evaluation.statistics import RESAMPLES, Ratio, ratio
from self_evolution.evaluation.tasks import TASKS, Task
from self_evolution.ledger import Ledger
from self_evolution.records import seed_of

OVERLAP = ("bleu-4", "rouge-l")
"""Metrics whose ratios are shown beside that of the deciding metric; the paper shows these."""


@dataclass(frozen=True, slots=True)
class Relative:
    """A generation's mean over that of generation `reference`, called `name`."""

    generation: int
    reference: int
    name: str
    task: Task
    metric: str
    ratio: Ratio


def relative(
    ledger: Ledger,
    compared: int,
    names: Mapping[int, str],
    metric: str,
    resamples: int = RESAMPLES,
) -> list[Relative]:
    """Ratios of `metric` and OVERLAP to each of `names` ({generation: name}) in every task."""
    found = []
    for task in TASKS:
        for one in dict.fromkeys((metric, *OVERLAP)):
            mine = scored(ledger, compared, task, one)
            for reference, name in names.items():
                theirs = scored(ledger, reference, task, one) if reference != compared else {}
                if pairs := both(mine, theirs):
                    value = ratio(
                        [my.score for my, _ in pairs],
                        [their.score for _, their in pairs],
                        [my.item.cluster for my, _ in pairs],
                        resamples=resamples,
                        seed=seed_of("ratio", *task),
                    )
                    found.append(Relative(compared, reference, name, task, one, value))
    order = list(names)
    return sorted(found, key=lambda one: order.index(one.reference))
