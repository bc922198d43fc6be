"""Whether a run can work, and the way out where it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from self_evolution.evaluation.building import builds
from self_evolution.evaluation.choice import chosen_apart, smaller_part
from self_evolution.forecast import storage
from self_evolution.forecast.forecast import Forecast
from self_evolution.forecast.sample import Tally
from self_evolution.forecast.stages import Stages
from self_evolution.forecast.storage import size

ENOUGH = 0.2
"""The share of pairs, and of test questions, that must be valid."""

JUDGED = 8
"""With fewer pairs or questions than this, nothing is said against a model."""

FEWEST = 20
"""With fewer test questions than this, no likely gain can be shown."""


def obstacles(stages: Stages, found: Forecast, folder: Path) -> Iterator[str]:
    """Each reason why the run cannot work, with the way out; none if nothing is in the way.

    The run would be in `folder`.
    """
    settings, sample = found.settings, stages.sample
    if _too_few(sample.pairs) and not settings.ask.pairs:
        yield (
            f"only {sample.pairs.taken:,} of {sample.pairs.of:,} pairs are valid, and at least "
            f"{ENOUGH:.0%} must be: this model is too weak to ask and answer about these "
            "documents; give your own pairs (--pairs FILE), a stronger model that asks and answers "
            "(--teacher), or a larger model"
        )
    if builds(settings) and _too_few(sample.candidates):
        yield (
            f"only {sample.candidates.taken:,} of {sample.candidates.of:,} test questions are "
            f"valid, and at least {ENOUGH:.0%} must be; give test questions of your own "
            "(--eval FILE), a stronger model that writes them (--teacher), or a larger model"
        )
    elif (number := questions(stages, found, 1)) < FEWEST:
        yield (
            f"some {number:,} test questions can show no likely gain; give test questions of "
            "your own (--eval FILE), or more documents"
        )
    yield from _window(stages)
    memory, limit = storage.there(stages.device)
    if found.memory > memory:
        yield (
            f"about {size(found.memory)} of memory are needed, and {size(memory)} are there "
            f"({limit}); take a smaller model, a smaller --model.batch-size or "
            "--train.micro-batch, or --train.checkpointing on"
        )
    if found.disk > (room := storage.free_in(folder)):
        yield (
            f"about {size(found.disk)} of disk are needed, and {size(room)} are free; free some "
            "space, or give another --run"
        )


def questions(stages: Stages, found: Forecast, sign: int = 0) -> int:
    """The test questions of the forecast run, given or expected.

    If some of them only choose which generation leads, these are one part and the others another. A
    gain must show on both, so the smaller part is returned. `sign` chooses an end of the interval.
    """
    run, settings = stages.run, found.settings
    given = run.ledger.items.of_suite("domain")
    if given:
        apart = len(chosen_apart(run.config, run.ledger, given))
        return min(apart or len(given), len(given) - apart)
    if not (stages.sample.candidates.of or "replies" in stages.sample.given_up):
        return 0
    expected = stages.counts(settings, stages.variant(sign, "shares"), found.share)
    documents = round(found.share * len(run.ledger.documents.here()))
    return smaller_part(settings, round(expected.seen.taken), documents)


def _too_few(found: Tally) -> bool:
    return found.of >= JUDGED and found.taken < ENOUGH * found.of


def _window(stages: Stages) -> Iterator[str]:
    run = stages.run
    longest = max(run.ledger.fragments.for_training(), key=lambda task: task[1])[0]
    (fragment,) = run.ledger.fragments.get([longest])
    room = run.config.answer.max_tokens
    if not run.engine.fits(run.prompts.ask(fragment, []), room):
        yield (
            f"the longest fragment ({fragment.tokens:,} tokens) and an answer of up to "
            f"{room:,} do not fit the model's window; give a smaller --split.max-tokens or "
            "--answer.max-tokens"
        )
