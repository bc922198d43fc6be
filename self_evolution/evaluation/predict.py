"""Prediction: a model answers the test questions batch by batch, and metrics score the answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, cast

from self_evolution.errors import UserError
from self_evolution.evaluation.metrics import METRICS
from self_evolution.evaluation.metrics.aggregate import intervals
from self_evolution.evaluation.prompts import (
    TaskPrompt,
    as_task,
    sampling,
    shown_prompt,
    task_prompts,
)
from self_evolution.evaluation.recall import recall
from self_evolution.evaluation.scores import (
    measure,
    new_scores,
    scored_predictions,
    store_missing,
)
from self_evolution.evaluation.statistics import bootstrap
from self_evolution.evaluation.tasks import MODES, RECALL, Task, tasks
from self_evolution.ledger import digest
from self_evolution.models import TOO_LONG, Engine, Generator, Reply
from self_evolution.models.jobs import Job, generated
from self_evolution.progress import interruptible
from self_evolution.records import (
    Evaluation,
    Item,
    Prediction,
    PredictionScore,
    Signature,
    content_id,
    seed_of,
)
from self_evolution.retrieval import SHARE
from self_evolution.run import Run
from self_evolution.text.counts import many

SILENCE = 64
"""A rival whose first answers, this many, are all empty is taken to give no answers."""


class Predictions(NamedTuple):
    """The number of questions answered in all evaluation tasks, and the problems that came up."""

    asked: int
    notes: list[str]


class _Put(NamedTuple):
    """A batch as it is put to the model.

    `left_out` questions do not fit the model. Those in `put` do: `new` ones are asked, and to the
    others there are `replies` already.
    """

    left_out: int
    put: dict[str, TaskPrompt]
    replies: dict[str, Reply]
    new: list[str]


class Skipped(NamedTuple):
    """The number of questions without an answer: too long for the model, or refused by a server."""

    too_long: int
    refused: int


def predict(run: Run, generation: int, model: Generator) -> Predictions:
    """Answer all tasks with a generation or a rival, a batch in each transaction; then score."""
    _still_locked(run)
    store_missing(run.ledger)
    taken = tasks(run, generation)
    skipped = {
        task: _predict_task(run, generation, task, items, model) for task, items in taken.items()
    }
    there = run.ledger.evaluations.evaluated(generation)
    asked = nothing = 0
    for task, items in taken.items():
        shown = run.ledger.evaluations.shown(generation, *task)
        if shown and task not in there:
            recalled = list(_recall(run, generation, task, items, shown))
            with interruptible():  # the metrics of some thousand answers take a minute
                measured = list(_measured(run, generation, task))
            run.ledger.add([*measured, *recalled])
        asked += len(shown)
        nothing += sum(task.mode == "retrieved" and not sources for sources in shown.values())
    notes = unanswered(
        run.ledger.evaluations.unanswered(generation), run.config.evaluate.max_tokens
    )
    return Predictions(asked, [*notes, *_otherwise(run, skipped, nothing)])


def unanswered(counts: tuple[int, int, int], most: int) -> Iterator[str]:
    """Describe how many answers are empty, or were cut off after `most` tokens, if any.

    `counts`: answers, empty ones, those that were cut off.
    """
    answers, empty, cut = counts
    if empty:
        yield f"{empty:,} of {answers:,} answers are empty"
    if cut:
        yield f"{cut:,} of {answers:,} answers were cut off after {most:,} tokens"


def _still_locked(run: Run) -> None:
    """Raises UserError if the test questions are not those that were locked."""
    locks = run.ledger.items.locks()
    if locks and digest(run.ledger.items.locked()) != locks[-1].sha256:
        raise UserError(
            f"{run.folder}: the test questions in run.db are not those that were locked before "
            "generation 0; start a new run"
        )


def _predict_task(
    run: Run, generation: int, task: Task, asked: Sequence[Item], model: Generator
) -> Skipped:
    """Answer the questions that have no answer yet; prompts are made a batch at a time."""
    params = sampling(run.config.evaluate)
    items = {item.id: item for item in asked}
    batches = run.batches(
        "evaluate",
        generation,
        "answers",
        run.ledger.queue(
            (as_task(task.mode, item) for item in asked),
            run.ledger.evaluations.predicted(generation, task.mode),
        ),
        max(run.config.model.batch_size, model.concurrency),
        f"{task.suite} {task.mode}",
    )
    state = run.ledger.search.state() if task.mode == "retrieved" else ""
    too_long = refused = 0
    # A rival that gives only empty answers is not asked any further, and none of them is kept, so
    # that it can be asked again once it answers.
    heard = generation >= 0 or _heard(run, generation, task)
    silent: list[Prediction] = []

    def prepare(ids: list[str], seeds: list[int]) -> tuple[_Put, Job[list[Reply]]]:
        put = task_prompts(run, model, task.mode, [items[id] for id in ids])
        replies = _asked_before(run, generation, task, items, put)
        new = {id: prompt.messages for id, prompt in put.items() if id not in replies}
        mine = [seed for id, seed in zip(ids, seeds, strict=True) if id in new]
        job = partial(generated, list(new.values()), params, mine, "current")
        return _Put(len(ids) - len(put), put, replies, list(new)), job

    def work(jobs: Iterator[Job[list[Reply]]]) -> Iterator[list[Reply]]:
        if generation >= 0:
            return run.work(jobs, generation)
        return (job(cast(Engine, model)) for job in jobs)  # a rival only generates, as these do

    for (left_out, put, replies, new), given in batches.results(prepare, work):
        too_long += left_out
        replies |= dict(zip(new, given, strict=True))
        refused += sum(reply.finish_reason == TOO_LONG for reply in given)
        rows = [
            Prediction(
                content_id("prediction", generation, task.mode, id, reply.text),
                generation,
                id,
                task.mode,
                reply.text,
                put[id].sources,
                reply.finish_reason,
            )
            for id, reply in ((id, replies[id]) for id in put)
            if reply.finish_reason != TOO_LONG
        ]
        heard = heard or any(row.text for row in rows)
        silent += rows
        if heard:
            with run.ledger.transaction():
                if task.mode == "retrieved":
                    run.ledger.search.note_searched(generation, state)
                run.ledger.add(silent)
            silent = []
        elif len(silent) >= SILENCE:
            break
    if silent:
        problem = _silence(task, silent, params.max_tokens)
        raise UserError(f"rival {-generation}: {problem}")
    return Skipped(too_long, refused)


def _asked_before(
    run: Run,
    generation: int,
    task: Task,
    items: Mapping[str, Item],
    put: Mapping[str, TaskPrompt],
) -> dict[str, Reply]:
    """Replies to the prompts that the same model was given before, in the mode `retrieved`.

    That is so where the search found the right passage and nothing else. They come from the ledger,
    and only where the likeliest token is always taken: asked again, the model would say the same.
    """
    if task.mode != "open" or run.config.evaluate.temperature > 0:
        return {}
    found = {}
    answers = run.ledger.evaluations.answers(generation, "retrieved")
    for id in put.keys() & answers.keys():
        text, finish, sources = answers[id]
        if len(sources) == 1:
            fragments = run.ledger.fragments.get(sources)
            if shown_prompt(run, items[id].question, fragments).messages == put[id].messages:
                found[id] = Reply(text, finish)
    return found


def _heard(run: Run, generation: int, task: Task) -> bool:
    return any(text for _, text in run.ledger.evaluations.predictions(generation, *task))


def _silence(task: Task, rows: Sequence[Prediction], most: int) -> str:
    cut = sum(row.finish == "length" for row in rows)
    return (
        f"all of the first {len(rows):,} answers ({task.suite}, {MODES[task.mode]}) are empty, and "
        f"{cut:,} of them cut off after {most:,} tokens: a model that thinks may spend them on "
        "that; switch it off at the server and run again, or leave it out of --against"
    )


def _measured(
    run: Run, generation: int, task: Task
) -> Iterator[Signature | PredictionScore | Evaluation]:
    """Return the score of each prediction by each metric, and the evaluation by each metric.

    A metric that applies to none of the items (no values anywhere) has no evaluation.
    """
    rows = scored_predictions(run.ledger, generation, task)
    yield from new_scores(run.ledger, rows)
    found = intervals(
        {name: [row.score(name) for row in rows] for name in METRICS},
        [row.item.cluster for row in rows],
        METRICS,
        resamples=run.config.evaluate.resamples,
        seed=seed_of(run.config.seed, "bootstrap", *task),
    )
    for name, interval in found.items():
        signature = measure(name, task.suite).signature()
        yield Evaluation(generation, task.suite, task.mode, name, *interval, signature)


def _recall(
    run: Run, generation: int, task: Task, items: Sequence[Item], shown: dict[str, tuple[str, ...]]
) -> Iterator[Evaluation]:
    """Yield how often the right passage was shown; no row where no passage is known or there."""
    if task.mode != "retrieved":
        return
    found = list(recall(run, items, shown, f"{task.suite} recall"))
    if found:
        scores, clusters = zip(*found, strict=True)
        seed = seed_of(run.config.seed, "bootstrap", task.suite, "recall")
        resamples = run.config.evaluate.resamples
        interval = bootstrap(scores, clusters, resamples=resamples, seed=seed)
        name = RECALL.format(run.config.evaluate.top_k)
        signature = f"{name}|bm25|share:{SHARE}|v1"
        yield Evaluation(generation, task.suite, task.mode, name, *interval, signature)


def _otherwise(run: Run, skipped: Mapping[Task, Skipped], nothing: int) -> Iterator[str]:
    """Describe the questions that were not asked, or not as intended; empty if there are none.

    `nothing` counts those for which the search found nothing.
    """
    if missing := sum(left.too_long for task, left in skipped.items() if task.mode != "retrieved"):
        yield f"{missing:,} left out, which do not fit the model's window"
    if missing := sum(left.too_long for task, left in skipped.items() if task.mode == "retrieved"):
        yield (
            f"{missing:,} left out with search, because no passage found fits the model's window "
            f"beside an answer of {run.config.evaluate.max_tokens:,}: give a smaller "
            "--split.max-tokens or --evaluate.max-tokens to a new run"
        )
    if refused := sum(left.refused for left in skipped.values()):
        yield f"{refused:,} refused by the endpoint, because they do not fit the model's window"
    if nothing:
        told = many(nothing, "question")
        yield f"search found nothing for {told}, put with the book closed instead"
