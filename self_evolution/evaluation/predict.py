"""Sitting the exams: a model answers, batch by batch, and its answers get their metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from self_evolution.errors import UserError
from self_evolution.evaluation.metrics import METRICS, intervals
from self_evolution.evaluation.prompts import length, papers
from self_evolution.evaluation.recall import recall
from self_evolution.evaluation.scores import scored_predictions, store_missing, store_scores
from self_evolution.evaluation.statistics import bootstrap
from self_evolution.evaluation.tasks import MODES, RECALL, Exam, exams, measure
from self_evolution.ledger import Ledger, digest
from self_evolution.models import TOO_LONG, Generator, SamplingParams
from self_evolution.records import Evaluation, Prediction, content_id, seed_of
from self_evolution.retrieval import SHARE
from self_evolution.run import Run

SILENCE = 64
"""So many empty answers, and no other, are enough to know that a rival says nothing."""


class Sat(NamedTuple):
    """How many questions were answered in all exams, and what was not as it should be."""

    asked: int
    notes: list[str]


class Unput(NamedTuple):
    """Questions of an exam without an answer: too long for the model, or refused by a server."""

    too_long: int
    refused: int


def sit(run: Run, generation: int, model: Generator) -> Sat:
    """All exams, for a generation or a rival: predictions, a batch a transaction; then metrics."""
    _still_locked(run)
    store_missing(run.ledger)
    taken = list(exams(run, generation))
    if any(exam.mode == "retrieved" for exam in taken):
        run.search.refresh(run.heed_stop)
    unput = [_predict(run, generation, exam, model) for exam in taken]
    there = run.ledger.evaluations.evaluated(generation)
    asked = nothing = 0
    for exam in taken:
        shown = run.ledger.evaluations.shown(generation, exam.suite, exam.mode)
        if shown and (exam.suite, exam.mode) not in there:
            recalled = list(_recall(run, generation, exam, shown))
            with run.ledger.transaction():
                store_scores(run.ledger, generation, exam.suite, exam.mode)
                run.ledger.add([*_measured(run, generation, exam), *recalled])
        asked += len(shown)
        nothing += sum(exam.mode == "retrieved" and not sources for sources in shown.values())
    notes = unsaid(run.ledger, generation, run.config.evaluate.max_tokens)
    return Sat(asked, [*notes, *_otherwise(run, taken, unput, nothing)])


def unsaid(ledger: Ledger, generation: int, most: int) -> Iterator[str]:
    """For people: how many answers are empty, or were cut off after `most` tokens, if any."""
    answers, empty, cut = ledger.evaluations.unsaid(generation)
    if empty:
        yield f"{empty:,} of {answers:,} answers are empty"
    if cut:
        yield f"{cut:,} of {answers:,} answers were cut off after {most:,} tokens"


def _still_locked(run: Run) -> None:
    """Raises UserError if the test questions are not those that were locked."""
    seals = run.ledger.items.seals()
    if seals and digest(run.ledger.items.locked()) != seals[-1].sha256:
        raise UserError(
            f"{run.folder}: the test questions in run.db are not those that were locked before "
            "generation 0; start a new run"
        )


def _predict(run: Run, generation: int, exam: Exam, model: Generator) -> Unput:
    """Papers are made a batch at a time, for those alone that have no answer yet."""
    settings = run.config.evaluate
    params = SamplingParams(settings.temperature, settings.top_p, settings.max_tokens)
    items = {item.id: item for item in exam.items}
    batches = run.batches(
        "evaluate",
        generation,
        "answers",
        [(item.id, length(exam.mode, item)) for item in exam.items],
        run.ledger.evaluations.predicted(generation, exam.mode),
        max(run.config.model.batch_size, model.concurrency),
        f"{exam.suite} {exam.mode}",
    )
    state = run.ledger.search.state() if exam.mode == "retrieved" else ""
    too_long = refused = 0
    # A rival that says nothing at all is not asked on and on; nor is any of that kept, so that it
    # can be asked again once it answers.
    heard = generation >= 0 or _heard(run, generation, exam)
    silent: list[Prediction] = []
    for ids, seed in batches:
        if generation >= 0:
            run.use(generation)
        put = papers(run, model, exam.mode, [items[id] for id in ids])
        too_long += len(ids) - len(put)
        if not put:
            continue
        prompts = [paper.messages for paper in put.values()]
        replies = model.generate(prompts, params, seed, "current")
        refused += sum(reply.finish_reason == TOO_LONG for reply in replies)
        rows = [
            Prediction(
                content_id("prediction", generation, exam.mode, id, reply.text),
                generation,
                id,
                exam.mode,
                reply.text,
                paper.sources,
                reply.finish_reason,
            )
            for (id, paper), reply in zip(put.items(), replies, strict=True)
            if reply.finish_reason != TOO_LONG
        ]
        heard = heard or any(row.text for row in rows)
        silent += rows
        if heard:
            with run.ledger.transaction():
                if exam.mode == "retrieved":
                    run.ledger.search.note_searched(generation, state)
                run.ledger.add(silent)
            silent = []
        elif len(silent) >= SILENCE:
            break
    if silent:
        told = _silence(exam, silent, settings.max_tokens)
        raise UserError(f"rival {-generation}: {told}")
    return Unput(too_long, refused)


def _heard(run: Run, generation: int, exam: Exam) -> bool:
    return any(
        text for _, text in run.ledger.evaluations.predictions(generation, exam.suite, exam.mode)
    )


def _silence(exam: Exam, rows: Sequence[Prediction], most: int) -> str:
    cut = sum(row.finish == "length" for row in rows)
    return (
        f"all of the first {len(rows):,} answers ({exam.suite}, {MODES[exam.mode]}) are empty, and "
        f"{cut:,} of them cut off after {most:,} tokens: a model that thinks may spend them on "
        "that; switch it off at the server and run again, or leave it out of --against"
    )


def _measured(run: Run, generation: int, exam: Exam) -> Iterator[Evaluation]:
    """A row a metric; one that applies to none of the items (no values anywhere) has no row."""
    rows = scored_predictions(run.ledger, generation, exam.suite, exam.mode)
    found = intervals(
        {name: [row.score(name) for row in rows] for name in METRICS},
        [row.item.cluster for row in rows],
        METRICS,
        resamples=run.config.evaluate.resamples,
        seed=seed_of(run.config.seed, "bootstrap", exam.suite, exam.mode),
    )
    for name, interval in found.items():
        signature = measure(name, exam.suite).signature()
        yield Evaluation(generation, exam.suite, exam.mode, name, *interval, signature)


def _recall(
    run: Run, generation: int, exam: Exam, shown: dict[str, tuple[str, ...]]
) -> Iterator[Evaluation]:
    """How often the right passage was shown; no row where no passage is known or there."""
    if exam.mode != "retrieved":
        return
    found = list(recall(run, exam.items, shown, f"{exam.suite} recall"))
    if found:
        scores, clusters = zip(*found, strict=True)
        seed = seed_of(run.config.seed, "bootstrap", exam.suite, "recall")
        resamples = run.config.evaluate.resamples
        interval = bootstrap(scores, clusters, resamples=resamples, seed=seed)
        name = RECALL.format(run.config.evaluate.top_k)
        signature = f"{name}|bm25|share:{SHARE}|v1"
        yield Evaluation(generation, exam.suite, exam.mode, name, *interval, signature)


def _otherwise(
    run: Run, taken: Sequence[Exam], unput: Sequence[Unput], nothing: int
) -> Iterator[str]:
    """Questions that were not put, or not as they should be; empty where all is as wanted.

    `nothing` counts those for which the search found nothing.
    """
    pairs = list(zip(taken, unput, strict=True))
    if missing := sum(left.too_long for exam, left in pairs if exam.mode != "retrieved"):
        yield f"{missing:,} left out, which do not fit the model's window"
    if missing := sum(left.too_long for exam, left in pairs if exam.mode == "retrieved"):
        yield (
            f"{missing:,} left out with search, because no passage found fits the model's window "
            f"beside an answer of {run.config.evaluate.max_tokens:,}: give a smaller "
            "--split.max-tokens or --evaluate.max-tokens to a new run"
        )
    if refused := sum(left.refused for left in unput):
        yield f"{refused:,} refused by the endpoint, because they do not fit the model's window"
    if nothing:
        yield f"search found nothing for {nothing:,} questions, which were put with the book closed"
