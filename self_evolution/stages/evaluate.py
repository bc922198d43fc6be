"""Evaluate: the same questions to every generation, the base included, and their metrics.

Test questions are put with the book closed and, where they have a passage, open; retention
questions as they are (a passage, if there is one, in the prompt).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from self_evolution.engines import Sampling, Speaker
from self_evolution.engines.base import TOO_LONG
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

FORMER = ("retention",)
"""Suites of former abilities: what a model could do before."""

EXAMS = tuple((suite, mode) for suite in (*TESTS, *FORMER) for mode in ("closed", "open"))
"""Every (suite, mode) that there may be, in the order in which people are told of them."""


class Exam(NamedTuple):
    """A set of questions and the way they are put."""

    suite: str
    mode: str
    items: list[Item]


class Sat(NamedTuple):
    """Questions that were answered in all exams, and those that do not fit the model's window."""

    asked: int
    left_out: int


def evaluate(run: Run, generation: int) -> Outcome:
    """The run's own model, as it is in this generation."""
    sat = sit(run, generation, run.engine)
    notes = list(summary(run, run.ledger.evaluations(), generation))
    if not run.ledger.items("domain"):
        notes.append(NO_SET)
    if sat.left_out:
        notes.append(f"{sat.left_out} left out, which do not fit the model's window")
    return Outcome(sat.asked, "; ".join(notes))


def sit(run: Run, generation: int, speaker: Speaker) -> Sat:
    """All exams, for a generation or a rival: predictions, a batch a transaction; then metrics."""
    _still_locked(run)
    wanted = list(exams(run))
    fitting = [exam._replace(items=_fitting(run, exam, speaker)) for exam in wanted]
    for exam in fitting:
        _predict(run, generation, exam, speaker)
    there = run.ledger.evaluated(generation)
    answered = 0
    for exam in fitting:
        answers = len(run.ledger.predictions(generation, exam.suite, exam.mode))
        if answers and (exam.suite, exam.mode) not in there:
            run.ledger.add(_measured(run, generation, exam))
        answered += answers
    return Sat(answered, sum(len(exam.items) for exam in wanted) - answered)


def _still_locked(run: Run) -> None:
    """Raises UserError if the test questions are not those that were locked."""
    seals = run.ledger.seals()
    if seals and digest(run.ledger.tests()) != seals[-1].sha256:
        raise UserError(
            f"{run.folder}: the test questions in run.db are not those that were locked before "
            "generation 0; start a new run"
        )


def exams(run: Run) -> Iterator[Exam]:
    """Those that have questions."""
    retention = run.ledger.items("retention")
    modes = []
    for suite in TESTS:
        items = run.ledger.items(suite)
        modes.append(Exam(suite, "closed", items))
        modes.append(Exam(suite, "open", [item for item in items if item.passage.strip()]))
    modes += [
        Exam("retention", "closed", [item for item in retention if not item.passage.strip()]),
        Exam("retention", "open", [item for item in retention if item.passage.strip()]),
    ]
    return (exam for exam in modes if exam.items)


def _fitting(run: Run, exam: Exam, speaker: Speaker) -> list[Item]:
    """The items whose prompt leaves room for an answer in the model's window."""
    most = run.config.evaluate.max_tokens
    return [item for item in exam.items if speaker.fits(_prompt(run, item, exam.mode), most)]


def _predict(run: Run, generation: int, exam: Exam, speaker: Speaker) -> None:
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
        if generation >= 0:
            run.use(generation)
        prompts = [_prompt(run, items[id], exam.mode) for id in ids]
        replies = speaker.generate(prompts, sampling, seed, "current")
        run.ledger.add(
            Prediction(
                content_id("prediction", generation, exam.mode, id, reply.text),
                generation,
                id,
                exam.mode,
                reply.text,
            )
            for id, reply in zip(ids, replies, strict=True)
            if reply.finish != TOO_LONG
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


def summary(run: Run, rows: Sequence[Evaluation], generation: int) -> Iterator[str]:
    """A line a suite: the mean that decides, with its interval, in each mode."""
    metric = run.ledger.deciding_metric(run.config.promote.metric)
    for suite in (*TESTS, *FORMER):
        scores = [
            f"{row.mode} {row.mean:.1f} [{row.low:.0f}–{row.high:.0f}]"
            for row in rows
            if (row.generation, row.suite) == (generation, suite) and row.metric == metric
        ]
        if scores:
            yield f"{suite} {', '.join(scores)}"
