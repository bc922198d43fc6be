"""The locked questions put to an exported model, compared pair by pair with the run's answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from self_evolution.errors import UserError
from self_evolution.evaluation.differences import ScoredAnswer
from self_evolution.evaluation.prompts import as_task, sampling, task_prompts
from self_evolution.evaluation.scores import ScoredPrediction, score_answer, scored_predictions
from self_evolution.evaluation.statistics import PairedDifference, paired, unseen
from self_evolution.evaluation.tasks import MAIN, MODES, Task, deciding
from self_evolution.models import Generator
from self_evolution.progress import Progress
from self_evolution.records import seed_of
from self_evolution.run.read import RunReader
from self_evolution.schedule import stage_seed

TAIL = 0.05
"""The chance of error of each bound; it is one-sided, so the interval is that of 90%."""


class Compared(NamedTuple):
    """An evaluation task, answered by the run's generation (`before`) and by the export (`after`).

    Means are in percent. `change` has one-sided 95% bounds at both ends. `same` counts answers
    that are equal to the letter, `trained` those that training has changed, and `reverted` how many
    of these the export answers as the base does.
    """

    task: Task
    metric: str
    before: float
    after: float
    change: PairedDifference
    same: int
    trained: int
    reverted: int


def require_power(run: RunReader, generation: int, accepted: float) -> None:
    """Raises UserError if no export could be shown to lose at most `accepted` points."""
    task, metric = _deciding(run, generation)
    require_questions(len(_answered(run, generation, task, metric)), accepted)


def require_questions(questions: int, accepted: float) -> None:
    """Raises UserError if so many test questions cannot show a loss of at most `accepted` points.

    Even where no answer changes, they exclude no smaller loss than `unseen`.
    """
    if not questions:
        raise UserError(
            "there are no test questions, so it cannot be shown that an export is still the same; "
            "give some (--eval FILE)"
        )
    least = unseen(questions, TAIL)
    if least > accepted:
        enough = math.ceil(math.log(TAIL) / math.log(1 - accepted / 100)) if accepted else 0
        more = f"; {enough:,} questions are enough" if enough else ""
        raise UserError(
            f"--accept-loss {accepted:g}: {questions:,} test questions cannot show so small a "
            f"bound, even if no answer changes: a loss of {least:.1f} points stays possible{more}. "
            f"Give --accept-loss {math.ceil(10 * least) / 10:g}, or make a run with more questions"
        )


def compare(
    run: RunReader, generation: int, model: Generator, progress: Progress
) -> list[Compared]:
    """Ask all questions that the generation has answered; the deciding task comes first.

    A question is left out where the search finds other passages than it did for the run, because
    the documents have changed since.
    """
    main, _ = _deciding(run, generation)
    metrics = deciding(run.ledger, run.config.promote.metric)
    found = []
    for task in sorted(metrics, key=lambda task: task != main):
        rows = scored_predictions(run.ledger, generation, task)
        if not rows:
            continue
        replies = dict(_asked(run, generation, task, rows, model, progress))
        pairs = list(_pairs(rows, replies, metrics[task]))
        if pairs:
            change = _change(run, task, pairs)
            before, after = (
                sum(pair[side].score for pair in pairs) / len(pairs) for side in (0, 1)
            )
            same = sum(one.text == other.text for one, other in pairs)
            counts = (same, *_reverted(run, task, pairs))
            found.append(Compared(task, metrics[task], before, after, change, *counts))
    return found


def _reverted(
    run: RunReader, task: Task, pairs: Sequence[tuple[ScoredAnswer, ScoredAnswer]]
) -> tuple[int, int]:
    """The numbers `trained` and `reverted` of Compared."""
    base = {item.id: text for item, text in run.ledger.evaluations.predictions(0, *task)}
    asked = [(base.get(before.item.id), before.text, after.text) for before, after in pairs]
    trained = [(own, after) for own, before, after in asked if own not in (None, before)]
    return len(trained), sum(own == after for own, after in trained)


def _change(
    run: RunReader, task: Task, pairs: Sequence[tuple[ScoredAnswer, ScoredAnswer]]
) -> PairedDifference:
    """The mean change in points, with one-sided bounds.

    Whole passages are resampled, because an export may lose what was known of one. If no answer
    has changed, there is no sign of that, so each question is resampled by itself.
    """
    changed = any(before.text != after.text for before, after in pairs)
    return paired(
        [before.score for before, _ in pairs],
        [after.score for _, after in pairs],
        [before.item.cluster for before, _ in pairs] if changed else None,
        resamples=run.config.evaluate.resamples,
        seed=seed_of(run.config.seed, "export", *task),
        level=1 - 2 * TAIL,
    )


def loss(compared: Sequence[Compared], accepted: float) -> str:
    """Describe a loss that is not shown to be within the bound; empty if there is none.

    The first task must be shown to lose at most `accepted` points. The others may
    have too few questions for that, so it is enough that no larger loss is shown.
    """
    first, *others = compared
    if first.change.low < -accepted:
        return (
            f"{_name(first)}: {first.after:.1f}% where the run has {first.before:.1f}%; the loss "
            f"may be as large as {-first.change.low:.1f} points (95%), and {accepted:g} are "
            "accepted"
        )
    for one in others:
        if one.change.high < -accepted:
            return (
                f"{_name(one)}: {one.after:.1f}% where the run has {one.before:.1f}%; the loss is "
                f"at least {-one.change.high:.1f} points (95%), and {accepted:g} are accepted"
            )
    return ""


def missing(compared: Sequence[Compared]) -> str:
    """Say that the base answers in place of the export; empty if it does not."""
    trained = sum(one.trained for one in compared)
    reverted = sum(one.reverted for one in compared)
    if 2 * reverted <= trained:
        return ""
    return (
        f"missing modules: {reverted:,} of {trained:,} answers that training has changed are those "
        "of the base again, as if the adapter were not there"
    )


def _name(one: Compared) -> str:
    return f"{one.task.suite}, {MODES[one.task.mode]}, {one.metric}"


def _deciding(run: RunReader, generation: int) -> tuple[Task, str]:
    """The task that decides, and its metric: MAIN, or the first with answers."""
    metrics = deciding(run.ledger, run.config.promote.metric)
    for task in (MAIN, *metrics):
        if _answered(run, generation, task, metrics[task]):
            return task, metrics[task]
    raise UserError(
        f"{run.folder}: generation {generation} has answered no test questions, so it cannot be "
        f"shown that an export is still the same; `self-evolution run --run {run.folder}` goes on "
        "with the run"
    )


def _answered(run: RunReader, generation: int, task: Task, metric: str) -> list[ScoredPrediction]:
    rows = scored_predictions(run.ledger, generation, task)
    return [row for row in rows if row.score(metric) is not None]


def _asked(
    run: RunReader,
    generation: int,
    task: Task,
    rows: Sequence[ScoredPrediction],
    model: Generator,
    progress: Progress,
) -> Iterator[tuple[str, str]]:
    """(item id, answer) in the batches, and with the seeds, in which the run asked."""
    items = {row.item.id: row.item for row in rows}
    shown = run.ledger.evaluations.shown(generation, *task)
    ordered = sorted(items, key=lambda id: (as_task(task.mode, items[id])[1:], id))
    size = max(run.config.model.batch_size, model.concurrency)
    label = f"{task.suite} {task.mode}"
    seed = stage_seed(run.config, "evaluate", generation, label)
    with progress.bar(f"export {label}", "answers", len(ordered), 0) as bar:
        for start in range(0, len(ordered), size):
            batch = ordered[start : start + size]
            prompts = task_prompts(run, model, task.mode, [items[id] for id in batch])
            put = {id: one for id, one in prompts.items() if one.sources == shown.get(id, ())}
            messages = [prompt.messages for prompt in put.values()]
            seeds = [seed_of(seed, id) for id in put]
            replies = model.generate(messages, sampling(run.config.evaluate), seeds, "current")
            yield from zip(put, (reply.text for reply in replies), strict=True)
            bar.advance(len(batch))


def _pairs(
    rows: Sequence[ScoredPrediction], replies: dict[str, str], metric: str
) -> Iterator[tuple[ScoredAnswer, ScoredAnswer]]:
    for row in rows:
        before = row.score(metric)
        if before is not None and row.item.id in replies:
            text = replies[row.item.id]
            after = before if text == row.text else score_answer(metric, row.item, text)
            yield (
                ScoredAnswer(row.item, row.text, before),
                ScoredAnswer(row.item, text, after or 0.0),
            )
