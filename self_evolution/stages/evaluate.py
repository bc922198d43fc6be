"""Evaluate: the same questions to every generation, the base included, and their metrics.

Test questions are put with the book closed, with the passages that a search over all fragments
finds, and, where they have a passage, with it open; retention questions as they are (a passage, if
there is one, in the prompt).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from self_evolution.engines import Sampling
from self_evolution.errors import UserError
from self_evolution.ledger import digest
from self_evolution.metrics import METRICS, intervals
from self_evolution.records import (
    Evaluation,
    Item,
    Prediction,
    content_id,
    seed_of,
)
from self_evolution.retrieval import SHARE, recall
from self_evolution.run import Run
from self_evolution.stages.outcome import Outcome
from self_evolution.stages.papers import Paper, papers
from self_evolution.statistics import bootstrap

NO_SET = "no evaluation set: nothing shows whether this helped; give one with --eval FILE"

TESTS = ("domain", "seen", "unseen")
"""Suites of test questions; `domain` decides who leads."""

FORMER = ("retention",)
"""Suites of former abilities: what a model could do before."""

MODES = {"closed": "closed book", "retrieved": "with search", "open": "open book"}
"""Ways to put a question, for people: from memory, with what is found, with its passage."""

EXAMS = tuple(
    (suite, mode)
    for suite in (*TESTS, *FORMER)
    for mode in MODES
    if suite in TESTS or mode != "retrieved"
)
"""Every (suite, mode) that there may be, in the order in which people are told of them."""

RECALL = "recall@{}"
"""Of the questions whose passage is in the documents, those for which it was shown."""


class Exam(NamedTuple):
    """A set of questions and the way they are put."""

    suite: str
    mode: str
    items: list[Item]


def evaluate(run: Run, generation: int) -> Outcome:
    """Predictions first, a batch a transaction; then all metrics in one."""
    _still_locked(run)
    if run.config.evaluate.top_k and run.ledger.tests():
        run.search.refresh()
    exams = [(exam, papers(run, exam.mode, exam.items)) for exam in _exams(run)]
    for exam, put in exams:
        _predict(run, generation, exam, put)
    there = {(row.generation, row.suite, row.mode) for row in run.ledger.evaluations()}
    for exam, put in exams:
        if put and (generation, exam.suite, exam.mode) not in there:
            rows = [*_measured(run, generation, exam), *_recall(run, generation, exam, put)]
            run.ledger.add(rows)
    notes = list(_summary(run, generation))
    if not run.ledger.items("domain"):
        notes.append(NO_SET)
    notes += _otherwise(run, exams)
    return Outcome(sum(len(put) for _, put in exams), "; ".join(notes))


def _still_locked(run: Run) -> None:
    """Raises UserError if the test questions are not those that were locked."""
    seals = run.ledger.seals()
    if seals and digest(run.ledger.tests()) != seals[-1].sha256:
        raise UserError(
            f"{run.folder}: the test questions in run.db are not those that were locked before "
            "generation 0; start a new run"
        )


def _exams(run: Run) -> Iterator[Exam]:
    modes = []
    for suite in TESTS:
        items = run.ledger.items(suite)
        modes.append(Exam(suite, "closed", items))
        modes.append(Exam(suite, "retrieved", items if run.config.evaluate.top_k else []))
        modes.append(Exam(suite, "open", [item for item in items if item.passage.strip()]))
    retention = run.ledger.items("retention")
    modes += [
        Exam("retention", "closed", [item for item in retention if not item.passage.strip()]),
        Exam("retention", "open", [item for item in retention if item.passage.strip()]),
    ]
    return (exam for exam in modes if exam.items)


def _predict(run: Run, generation: int, exam: Exam, put: dict[str, Paper]) -> None:
    settings = run.config.evaluate
    sampling = Sampling(settings.temperature, settings.top_p, settings.max_tokens)
    batches = run.batches(
        "evaluate",
        generation,
        "answers",
        [(id, paper.length) for id, paper in put.items()],
        run.ledger.predicted(generation, exam.mode),
        run.config.model.batch_size,
        f"{exam.suite} {exam.mode}",
    )
    for ids, seed in batches:
        run.use(generation)
        replies = run.engine.generate([put[id].messages for id in ids], sampling, seed, "current")
        run.ledger.add(
            Prediction(
                content_id("prediction", generation, exam.mode, id, reply.text),
                generation,
                id,
                exam.mode,
                reply.text,
                put[id].sources,
            )
            for id, reply in zip(ids, replies, strict=True)
        )


def _measured(run: Run, generation: int, exam: Exam) -> Iterator[Evaluation]:
    """A row a metric; one that applies to none of the items (no values anywhere) has no row."""
    pairs = run.ledger.predictions(generation, exam.suite, exam.mode)
    scores = {name: [marks(name, item, text) for item, text in pairs] for name in METRICS}
    found = intervals(
        scores,
        [item.cluster for item, _ in pairs],
        METRICS,
        resamples=run.config.evaluate.resamples,
        seed=seed_of(run.config.seed, "bootstrap", exam.suite, exam.mode),
    )
    for name, interval in found.items():
        signature = METRICS[name].signature()
        yield Evaluation(generation, exam.suite, exam.mode, name, *interval, signature)


def _recall(run: Run, generation: int, exam: Exam, put: dict[str, Paper]) -> Iterator[Evaluation]:
    """How often the right passage was shown; no row where no passage is known or there."""
    if exam.mode != "retrieved":
        return
    taken = [(item, put[item.id]) for item in exam.items if item.id in put]
    scored = [(recall(run.search, item, p.sources, p.shown), item.cluster) for item, p in taken]
    found = [(score, cluster) for score, cluster in scored if score is not None]
    if found:
        scores, clusters = zip(*found, strict=True)
        seed = seed_of(run.config.seed, "bootstrap", exam.suite, "recall")
        resamples = run.config.evaluate.resamples
        interval = bootstrap(scores, clusters, resamples=resamples, seed=seed)
        name = RECALL.format(run.config.evaluate.top_k)
        signature = f"{name}|bm25|share:{SHARE}|v1"
        yield Evaluation(generation, exam.suite, exam.mode, name, *interval, signature)


def marks(metric: str, item: Item, text: str) -> float | None:
    """The score of an answer to `item`, in percent; None where the metric does not apply."""
    return METRICS[metric].score(
        text, item.reference, question=item.question, values=item.reference_values
    )


def _summary(run: Run, generation: int) -> Iterator[str]:
    """A line a suite: the mean that decides, with its interval, in each mode."""
    metric = run.ledger.deciding_metric(run.config.promote.metric)
    there = {
        (row.suite, row.mode, row.metric): row
        for row in run.ledger.evaluations()
        if row.generation == generation
    }
    for suite in (*TESTS, *FORMER):
        rows = [there.get((suite, mode, metric)) for mode in MODES]
        scores = [
            f"{row.mode} {row.mean:.1f} [{row.low:.0f}–{row.high:.0f}]" for row in rows if row
        ]
        if scores:
            yield f"{suite} {', '.join(scores)}"
        if row := there.get((suite, "retrieved", RECALL.format(run.config.evaluate.top_k))):
            yield passage_found(row)


def passage_found(row: Evaluation) -> str:
    """What a row of RECALL says, for people."""
    k = row.metric.partition("@")[2]
    among = f"among the {k} found" if k != "1" else "the one found"
    return (
        f"the right passage was {among} for {row.mean:.1f}% [{row.low:.0f}–{row.high:.0f}] of "
        f"{row.n:,} {row.suite} questions"
    )


def _otherwise(run: Run, exams: list[tuple[Exam, dict[str, Paper]]]) -> Iterator[str]:
    """Questions that were not put, or not as they should be; empty where all is as wanted."""
    window = f"the model's window of {run.engine.window:,} tokens"
    if missing := sum(len(e.items) - len(put) for e, put in exams if e.mode != "retrieved"):
        yield f"{missing:,} left out, which do not fit {window}"
    retrieved = [(exam, put) for exam, put in exams if exam.mode == "retrieved"]
    if missing := sum(len(exam.items) - len(put) for exam, put in retrieved):
        yield (
            f"{missing:,} left out with search, because no passage found fits {window} beside an "
            f"answer of {run.config.evaluate.max_tokens:,}: give a smaller --split.max-tokens or "
            "--evaluate.max-tokens to a new run"
        )
    if nothing := sum(not paper.sources for _, put in retrieved for paper in put.values()):
        yield f"search found nothing for {nothing:,} questions, which were put with the book closed"
