"""Evaluate: the same questions to every generation, the base included, and their metrics.

Test questions are put with the book closed and, where they have a passage, open; those on former
abilities as they are (a passage, if there is one, in the prompt).
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
    Message,
    Prediction,
    content_id,
    seed_of,
)
from self_evolution.run import Run
from self_evolution.splitting.language import detect as language
from self_evolution.stages.outcome import Outcome

NO_SET = "no evaluation set: nothing shows whether this helped; give one with --eval FILE"

TESTS = ("domain", "seen", "unseen")
"""Suites of test questions; `domain` decides who leads."""

FORMER = ("abilities", "retention")
"""Suites of former abilities, what a model could do before: by its own questions, the user's."""

EXAMS = tuple((suite, mode) for suite in (*TESTS, *FORMER) for mode in ("closed", "open"))
"""Every (suite, mode) that there may be, in the order in which people are told of them."""


class Exam(NamedTuple):
    """A set of questions and the way they are put."""

    suite: str
    mode: str
    items: list[Item]


def evaluate(run: Run, generation: int) -> Outcome:
    """Predictions first, a batch a transaction; then all metrics in one."""
    _still_locked(run)
    wanted = list(_exams(run))
    exams = [exam._replace(items=_fitting(run, exam)) for exam in wanted]
    for exam in exams:
        _predict(run, generation, exam)
    there = {(row.generation, row.suite, row.mode) for row in run.ledger.evaluations()}
    for exam in exams:
        if (generation, exam.suite, exam.mode) not in there:
            run.ledger.add(_measured(run, generation, exam))
    notes = list(_summary(run, generation))
    if not run.ledger.items("domain"):
        notes.append(NO_SET)
    asked = sum(len(exam.items) for exam in exams)
    if left_out := sum(len(exam.items) for exam in wanted) - asked:
        notes.append(f"{left_out} left out, which do not fit the model's window")
    return Outcome(asked, "; ".join(notes))


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
        modes.append(Exam(suite, "open", [item for item in items if item.passage.strip()]))
    for suite in FORMER:
        items = run.ledger.items(suite)
        modes.append(Exam(suite, "closed", [item for item in items if not item.passage.strip()]))
        modes.append(Exam(suite, "open", [item for item in items if item.passage.strip()]))
    return (exam for exam in modes if exam.items)


def _fitting(run: Run, exam: Exam) -> list[Item]:
    """The items whose prompt leaves room for an answer in the model's window."""
    room = run.engine.window - run.config.evaluate.max_tokens
    return [
        item
        for item in exam.items
        if len(run.engine.prompt_ids(_prompt(run, item, exam.mode))) <= room
    ]


def _predict(run: Run, generation: int, exam: Exam) -> None:
    settings = run.config.evaluate
    sampling = Sampling(settings.temperature, settings.top_p, settings.max_tokens)
    items = {item.id: item for item in exam.items}
    batches = run.batches(
        "evaluate",
        generation,
        "answers",
        [(item.id, _length(item, exam.mode)) for item in exam.items],
        run.ledger.predicted(generation, exam.mode),
        run.config.model.batch_size,
        f"{exam.suite} {exam.mode}",
    )
    for ids, seed in batches:
        run.use(generation)
        prompts = [_prompt(run, items[id], exam.mode) for id in ids]
        replies = run.engine.generate(prompts, sampling, seed, "current")
        run.ledger.add(
            Prediction(
                content_id("prediction", generation, exam.mode, id, reply.text),
                generation,
                id,
                exam.mode,
                reply.text,
            )
            for id, reply in zip(ids, replies, strict=True)
        )


def _length(item: Item, mode: str) -> int:
    return len(item.question) + (len(item.passage) if mode == "open" else 0)


def _prompt(run: Run, item: Item, mode: str) -> list[Message]:
    if mode == "closed":
        return run.prompts.closed(item.question, language(item.question))
    passage = item.passage.strip()
    return run.prompts.answer((), passage, item.question, language(passage))


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


def marks(metric: str, item: Item, text: str) -> float | None:
    """The score of an answer to `item`, in percent; None where the metric does not apply."""
    return METRICS[metric].score(
        text, item.reference, question=item.question, values=item.reference_values
    )


def _summary(run: Run, generation: int) -> Iterator[str]:
    """A line a suite: the mean that decides, with its interval, in each mode."""
    metric = run.ledger.deciding_metric(run.config.promote.metric)
    for suite in (*TESTS, *FORMER):
        scores = [
            f"{row.mode} {row.mean:.1f} [{row.low:.0f}–{row.high:.0f}]"
            for row in run.ledger.evaluations()
            if (row.generation, row.suite) == (generation, suite) and row.metric == metric
        ]
        if scores:
            yield f"{suite} {', '.join(scores)}"
