"""Evaluate: the same questions to every generation, the base included, and their metrics.

Test questions are put with the book closed, with the passages that a search over all fragments
finds, and, where they have a passage, with it open; those on former abilities as they are (a
passage, if there is one, in the prompt).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from self_evolution.engines import Sampling, Speaker
from self_evolution.engines.base import TOO_LONG
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger, digest
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
from self_evolution.stages.abilities import SUITE
from self_evolution.stages.outcome import Outcome
from self_evolution.stages.papers import Paper, papers
from self_evolution.statistics import bootstrap

NO_SET = "no evaluation set: nothing shows whether this helped; give one with --eval FILE"

TESTS = ("domain", "seen", "unseen")
"""Suites of test questions; `domain` decides who leads."""

FORMER = ("abilities", "retention")
"""Suites of former abilities, what a model could do before: by its own questions, the user's."""

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


SILENCE = 64
"""So many empty answers, and no other, are enough to know that a rival says nothing."""


class Exam(NamedTuple):
    """A set of questions and the way they are put."""

    suite: str
    mode: str
    items: list[Item]


class Sat(NamedTuple):
    """How many questions were answered in all exams, and what was not as it should be."""

    asked: int
    notes: list[str]


def evaluate(run: Run, generation: int) -> Outcome:
    """The run's own model, as it is in this generation."""
    sat = sit(run, generation, run.engine)
    notes = list(summary(run, run.ledger.evaluations(), generation))
    if not run.ledger.items("domain"):
        notes.append(NO_SET)
    return Outcome(sat.asked, "; ".join([*notes, *sat.notes]))


def sit(run: Run, generation: int, speaker: Speaker) -> Sat:
    """All exams, for a generation or a rival: predictions, a batch a transaction; then metrics."""
    _still_locked(run)
    if run.config.evaluate.top_k and run.ledger.tests():
        run.search.refresh()
    taken = [(exam, papers(run, speaker, exam.mode, exam.items)) for exam in exams(run, generation)]
    for exam, put in taken:
        _predict(run, generation, exam, put, speaker)
    there = run.ledger.evaluated(generation)
    asked = 0
    for exam, put in taken:
        answered = run.ledger.predicted(generation, exam.mode) & put.keys()
        if answered and (exam.suite, exam.mode) not in there:
            rows = [*_measured(run, generation, exam), *_recall(run, generation, exam, put)]
            run.ledger.add(rows)
        asked += len(answered)
    put_all = sum(len(put) for _, put in taken)
    notes = unsaid(run.ledger, generation, run.config.evaluate.max_tokens)
    return Sat(asked, [*notes, *_otherwise(run, taken, put_all - asked)])


def unsaid(ledger: Ledger, generation: int, most: int) -> Iterator[str]:
    """For people: how many answers are empty, or were cut off after `most` tokens, if any."""
    answers, empty, cut = ledger.unsaid(generation)
    if empty:
        yield f"{empty:,} of {answers:,} answers are empty"
    if cut:
        yield f"{cut:,} of {answers:,} answers were cut off after {most:,} tokens"


def _still_locked(run: Run) -> None:
    """Raises UserError if the test questions are not those that were locked."""
    seals = run.ledger.seals()
    if seals and digest(run.ledger.tests()) != seals[-1].sha256:
        raise UserError(
            f"{run.folder}: the test questions in run.db are not those that were locked before "
            "generation 0; start a new run"
        )


def exams(run: Run, generation: int) -> Iterator[Exam]:
    """Those that have questions. The base's own, on its abilities, are not put to rivals: what the
    base said is the reference, so they would be measured by their likeness to it."""
    modes = []
    for suite in TESTS:
        items = run.ledger.items(suite)
        modes.append(Exam(suite, "closed", items))
        modes.append(Exam(suite, "retrieved", items if run.config.evaluate.top_k else []))
        modes.append(Exam(suite, "open", [item for item in items if item.passage.strip()]))
    for suite in FORMER:
        if generation < 0 and suite == SUITE:
            continue
        items = run.ledger.items(suite)
        modes.append(Exam(suite, "closed", [item for item in items if not item.passage.strip()]))
        modes.append(Exam(suite, "open", [item for item in items if item.passage.strip()]))
    return (exam for exam in modes if exam.items)


def _predict(
    run: Run, generation: int, exam: Exam, put: dict[str, Paper], speaker: Speaker
) -> None:
    settings = run.config.evaluate
    sampling = Sampling(settings.temperature, settings.top_p, settings.max_tokens)
    batches = run.batches(
        "evaluate",
        generation,
        "answers",
        [(id, paper.length) for id, paper in put.items()],
        run.ledger.predicted(generation, exam.mode),
        max(run.config.model.batch_size, speaker.at_once),
        f"{exam.suite} {exam.mode}",
    )
    # A rival that says nothing at all is not asked on and on; nor is any of that kept, so that it
    # can be asked again once it answers.
    heard = generation >= 0 or _heard(run, generation, exam)
    silent: list[Prediction] = []
    for ids, seed in batches:
        if generation >= 0:
            run.use(generation)
        prompts = [put[id].messages for id in ids]
        replies = speaker.generate(prompts, sampling, seed, "current")
        rows = [
            Prediction(
                content_id("prediction", generation, exam.mode, id, reply.text),
                generation,
                id,
                exam.mode,
                reply.text,
                put[id].sources,
                reply.finish,
            )
            for id, reply in zip(ids, replies, strict=True)
            if reply.finish != TOO_LONG
        ]
        heard = heard or any(row.text for row in rows)
        silent += rows
        if heard:
            run.ledger.add(silent)
            silent = []
        elif len(silent) >= SILENCE:
            break
    if silent:
        told = _silence(exam, silent, settings.max_tokens)
        raise UserError(f"rival {-generation}: {told}")


def _heard(run: Run, generation: int, exam: Exam) -> bool:
    return any(text for _, text in run.ledger.predictions(generation, exam.suite, exam.mode))


def _silence(exam: Exam, rows: Sequence[Prediction], most: int) -> str:
    cut = sum(row.finish == "length" for row in rows)
    return (
        f"all of the first {len(rows):,} answers ({exam.suite}, {MODES[exam.mode]}) are empty, and "
        f"{cut:,} of them cut off after {most:,} tokens: a model that thinks may spend them on "
        "that; switch it off at the server and run again, or leave it out of --against"
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


def summary(run: Run, rows: Sequence[Evaluation], generation: int) -> Iterator[str]:
    """A line a suite: the mean that decides, with its interval, in each mode."""
    metric = run.ledger.deciding_metric(run.config.promote.metric)
    there = {(row.suite, row.mode, row.metric): row for row in rows if row.generation == generation}
    for suite in (*TESTS, *FORMER):
        found = [there.get((suite, mode, metric)) for mode in MODES]
        scores = [
            f"{row.mode} {row.mean:.1f} [{row.low:.0f}–{row.high:.0f}]" for row in found if row
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


def _otherwise(run: Run, taken: list[tuple[Exam, dict[str, Paper]]], refused: int) -> Iterator[str]:
    """Questions that were not put, or not as they should be; empty where all is as wanted."""
    if missing := sum(len(e.items) - len(put) for e, put in taken if e.mode != "retrieved"):
        yield f"{missing:,} left out, which do not fit the model's window"
    retrieved = [(exam, put) for exam, put in taken if exam.mode == "retrieved"]
    if missing := sum(len(exam.items) - len(put) for exam, put in retrieved):
        yield (
            f"{missing:,} left out with search, because no passage found fits the model's window "
            f"beside an answer of {run.config.evaluate.max_tokens:,}: give a smaller "
            "--split.max-tokens or --evaluate.max-tokens to a new run"
        )
    if refused:
        yield f"{refused:,} refused by the endpoint, because they do not fit the model's window"
    if nothing := sum(not paper.sources for _, put in retrieved for paper in put.values()):
        yield f"search found nothing for {nothing:,} questions, which were put with the book closed"
