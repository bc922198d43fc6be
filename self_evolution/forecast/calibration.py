"""Measures what steps of the model cost on this machine, with a few steps of each size that a run
has."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence

from self_evolution.evaluation.metrics import METRICS
from self_evolution.evaluation.metrics.aggregate import intervals
from self_evolution.forecast.sample import Sample, Text, cycled
from self_evolution.forecast.sketch import evenly
from self_evolution.forecast.work import Sort
from self_evolution.meter import Event, listening
from self_evolution.models import SamplingParams, TrainingJob, Weights
from self_evolution.models.ifd import Template, measure, read_template
from self_evolution.records import Fragment, Message
from self_evolution.run import Run
from self_evolution.text.language import detect

STEPS = 5
"""Tokens that are written at each size."""

STEPS_TRAINED, PARTS = 2, 2
"""Steps of training, and the micro-batches in each of them."""

SCORED = 16
"""Pairs, at most, that are scored; some of them are trained."""

UNFINISHED = "probe.partial"
"""The folder in that of the run which has the adapter as long as it is needed."""

QUESTIONS = 100
"""Questions of the evaluation by which the time of the statistics is measured."""


def calibrate(run: Run, fragments: Sequence[Fragment], sample: Sample) -> None:
    """Read and write with the base, in short and long prompts, one and a whole batch at a time.
    What was measured before it is interrupted is kept."""
    _generate(run, _prompts(run, fragments)[:1], 1, "base")  # the first call of all is slower
    _measure(run, fragments, sample, "base")
    if sample.events:
        _statistics(run, sample)


def calibrate_training(
    run: Run, fragments: Sequence[Fragment], own: Sequence[Text], sample: Sample
) -> None:
    """Score and train a few pairs, then read and write with the adapter that came of it. What was
    measured before it is interrupted is kept.

    The adapter is thrown away, and no server gets to see it. The pairs are those of the probe; in
    a run that asks nothing, the user's `own`; and where there are none, the fragments themselves.
    """
    asked = (own if not run.config.ask.per_fragment else ()) or sample.texts.get("ask")
    texts = [one for one in asked or sample.texts.get("exam") or () if one.answer and one.question]
    if not texts:
        texts = [Text(" ".join(one.heading) or "?", one.text[:400]) for one in fragments]
    texts = evenly(texts, SCORED)
    _score(run, texts, sample)
    settings = run.config.train.of(1)
    size = PARTS * settings.micro_batch
    few = settings.model_copy(
        update={
            "steps": (STEPS_TRAINED,),
            "samples": (),
            "batch_size": size,
            "checkpoint_steps": 0,
            "report_to": (),
        }
    )
    pairs = [_conversation(run, text) for text in cycled(texts, size)]
    kept = round(size * settings.rehearsal)
    rehearsed = [i >= size - kept for i in range(size)]
    path = run.folder / UNFINISHED / "adapter"
    shutil.rmtree(path.parent, ignore_errors=True)  # what a killed process left
    path.parent.mkdir()
    job = TrainingJob(
        pairs, few, settings.learning_rate, path, 0, lambda *_: run.stop_asked, rehearsed
    )
    try:
        _train(run, job, sample)
        if not run.config.model.generator:
            _measure(run, fragments, sample, "current")
    finally:
        run.engine.set_adapter(None)
        shutil.rmtree(path.parent, ignore_errors=True)


def _train(run: Run, job: TrainingJob, sample: Sample) -> None:
    cpu = time.process_time()
    with listening() as events:
        try:
            run.engine.train(job)
        finally:
            trained = [event for event in events if event.kind == "train"]
            _keep(sample, "train", trained[1:] or trained)  # the first one is slower
    cpu = time.process_time() - cpu
    sample.other.training = cpu - sum(event.cpu_seconds for event in events)


def _measure(run: Run, fragments: Sequence[Fragment], sample: Sample, weights: Weights) -> None:
    prompts = _prompts(run, fragments)
    rows = run.config.model.batch_size
    middle = prompts[len(prompts) // 2]
    sizes = [(prompts[0], 1), (prompts[0], rows), (middle, rows), (prompts[-1], 1)]
    if weights == "current":
        sizes = sizes[1:3]
    for prompt, times in sizes:
        run.raise_if_stopped()
        with listening() as events:
            try:
                _generate(run, [prompt], times, weights)
            finally:
                for event in events:
                    sort: Sort = event.kind
                    if weights == "current":
                        sort = "tuned read" if event.kind == "read" else "tuned write"
                    _keep(sample, sort, [event])


def _prompts(run: Run, fragments: Sequence[Fragment]) -> list[list[Message]]:
    """A question alone, one with a fragment, and one with as many as a search finds, if they
    fit."""
    question, middle = "What is said here?", fragments[len(fragments) // 2]
    found = fragments[-max(1, run.config.evaluate.top_k) :]
    passage = "\n\n".join(one.text for one in found)
    prompts = [
        run.prompts.closed(question, detect(question)),
        run.prompts.answer(middle.heading, middle.text, question, middle.language),
        run.prompts.answer((), passage, question, middle.language),
    ]
    room = run.config.evaluate.max_tokens
    return [prompt for prompt in prompts if run.engine.fits(prompt, room)] or prompts[:1]


def _generate(run: Run, prompts: Sequence[Sequence[Message]], times: int, weights: Weights) -> None:
    """One call, in which the prompt is put so many times and read once."""
    params = SamplingParams(1.0, 1.0, STEPS + 1)
    run.engine.begin_batch()
    run.engine.generate([*prompts] * times, params, 0, weights)
    run.engine.begin_batch()


def _score(run: Run, texts: Sequence[Text], sample: Sample) -> None:
    template = Template(run.engine, run.prompts, read_template(run.config.score.template))
    pairs = [(text.question, text.answer) for text in cycled(texts, max(8, len(texts)))]
    with listening() as events:
        try:
            measure(run.engine, template, pairs, run.config.score, "base")
        finally:
            _keep(sample, "score", events)


def _conversation(run: Run, text: Text) -> list[Message]:
    prompt = run.prompts.closed(text.question, detect(text.question))
    return [*prompt, {"role": "assistant", "content": text.answer}]


def _statistics(run: Run, sample: Sample) -> None:
    """Measure one task's bootstrap of all metrics."""
    scores: list[float | None] = [float(100 * (i % 3 == 0)) for i in range(QUESTIONS)]
    start = time.process_time()
    intervals(
        dict.fromkeys(METRICS, scores),
        list(range(QUESTIONS)),
        METRICS,
        resamples=run.config.evaluate.resamples,
    )
    sample.other.bootstrap = time.process_time() - start


def _keep(sample: Sample, sort: Sort, events: Sequence[Event]) -> None:
    sample.events.setdefault(sort, []).extend(events)
