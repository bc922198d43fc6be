"""Evaluate: every generation, and the base, answers the same questions; metrics score them.

Test questions are put in up to three modes: closed book; with search, with the passages that a
search over all fragments finds; and, if they have a passage, open book. Questions on former
abilities are asked in one mode: with their passage, if they have one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from self_evolution.evaluation.corrections.recheck import recheck
from self_evolution.evaluation.predict import predict
from self_evolution.evaluation.statistics import format_mean
from self_evolution.evaluation.tasks import MAIN, RECALL, deciding, passage_found
from self_evolution.records import Evaluation
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome

NO_SET = "no evaluation set: nothing shows whether this helped; give one with --eval FILE"


def evaluate(run: Run, generation: int) -> Outcome:
    """Evaluate the run's own model with the adapter of this generation."""
    predictions = predict(run, generation, run.engine)
    run.ledger.sources.note(run.ledger.items.all())
    notes = list(summary(run, run.ledger.evaluations.of_generations(), generation))
    if not run.ledger.items.of_suite("domain"):
        notes.append(NO_SET)
    notes += filter(None, [*predictions.notes, recheck(run, generation)])
    return Outcome(predictions.asked, "; ".join(notes))


def summary(run: Run, rows: Sequence[Evaluation], generation: int) -> Iterator[str]:
    """Yield a line for each suite: the mean of the deciding metric with its interval in each mode.
    The metric is named if it is not that of domain questions.
    """
    metrics = deciding(run.ledger, run.config.promote.metric)
    there = {(row.suite, row.mode, row.metric): row for row in rows if row.generation == generation}
    for suite, some in groupby(metrics, key=lambda task: task.suite):
        found = [row for task in some if (row := there.get((*task, metrics[task])))]
        scores = [
            f"{row.mode} {format_mean(row)}{f' {row.metric}' * (row.metric != metrics[MAIN])}"
            for row in found
        ]
        if scores:
            yield f"{suite} {', '.join(scores)}"
        if row := there.get((suite, "retrieved", RECALL.format(run.config.evaluate.top_k))):
            yield passage_found(row)
