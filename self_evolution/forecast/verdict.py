"""Whether a run can work, and the way out where it cannot."""

from __future__ import annotations

import math
from collections.abc import Iterator

from self_evolution.evaluation.building import builds, limited
from self_evolution.evaluation.choice import chosen_apart, smaller_part
from self_evolution.evaluation.statistics.power import detectable
from self_evolution.forecast.probe import Sample
from self_evolution.progress import clock
from self_evolution.run import Run

ENOUGH = 0.2
"""The share of pairs, and of test questions, that must be valid."""

FEWEST = 20
"""With fewer test questions than this, no likely gain can be shown."""


def describe(run: Run, sample: Sample) -> Iterator[str]:
    """Sentences on what the run would come to, by what the sample shows."""
    fragments = len(run.ledger.fragments.for_training())
    yield f"{fragments:,} fragments to ask about; {sample.fragments:,} of them were probed"
    settings = run.config
    if sample.pairs:
        asked = fragments * settings.ask.per_fragment
        low, high = share(sample.kept, sample.pairs)
        yield (
            f"pairs: {sample.kept:,} of {sample.pairs:,} valid; a generation would have "
            f"{round(asked * low):,} to {round(asked * high):,} of {asked:,}"
        )
        times = asked / sample.pairs
        yield (
            f"asking and answering: about {clock(sample.seconds * times)} a generation "
            f"({clock(sample.cpu_seconds * times)} of CPU time), or less, because a run does more "
            "at the same time"
        )
    if sample.candidates:
        low, high = share(sample.taken, sample.candidates)
        yield (
            f"test questions: {sample.taken:,} of {sample.candidates:,} valid; a set would have "
            f"{_expected(run, low):,} to {_expected(run, high):,}"
        )
    if questions := _questions(run, sample):
        points = detectable(questions, min(questions, fragments))
        yield f"smallest gain that {questions:,} test questions can show: {points:.0f} points"
    if sample.reasons:
        some = ", ".join(f"{n:,} {reason.replace('_', ' ')}" for reason, n in sample.reasons[:4])
        yield f"not valid: {some}"


def obstacles(run: Run, sample: Sample) -> Iterator[str]:
    """Each reason why the run cannot work, with the way out; none if nothing is in the way."""
    settings = run.config
    if sample.pairs and sample.kept < ENOUGH * sample.pairs and not settings.ask.pairs:
        yield (
            f"only {sample.kept:,} of {sample.pairs:,} pairs are valid, and at least "
            f"{ENOUGH:.0%} must be: this model is too weak to ask and answer about these "
            "documents; give your own pairs (--pairs FILE), a stronger model that asks and answers "
            "(--teacher), or a larger model"
        )
    if builds(settings) and sample.taken < ENOUGH * sample.candidates:
        yield (
            f"only {sample.taken:,} of {sample.candidates:,} test questions are valid, and at "
            f"least {ENOUGH:.0%} must be; give test questions of your own (--eval FILE), a "
            "stronger model that writes them (--teacher), or a larger model"
        )
    elif (questions := _questions(run, sample)) < FEWEST:
        yield (
            f"some {questions:,} test questions can show no likely gain; give test questions of "
            "your own (--eval FILE), or more documents"
        )
    longest = max(run.ledger.fragments.for_training(), key=lambda task: task[1])[0]
    (fragment,) = run.ledger.fragments.get([longest])
    if not run.engine.fits(run.prompts.ask(fragment, []), settings.answer.max_tokens):
        yield (
            f"the longest fragment ({fragment.tokens:,} tokens) and an answer of up to "
            f"{settings.answer.max_tokens:,} do not fit the model's window; give a smaller "
            "--split.max-tokens or --answer.max-tokens"
        )


def share(some: int, of: int) -> tuple[float, float]:
    """The interval of a share at 95% confidence (Wilson 1927)."""
    z = 1.96
    part = some / of
    middle = part + z * z / (2 * of)
    width = z * math.sqrt(part * (1 - part) / of + (z / (2 * of)) ** 2)
    whole = 1 + z * z / of
    return max(0.0, (middle - width) / whole), min(1.0, (middle + width) / whole)


def _expected(run: Run, part: float) -> int:
    """How many test questions the run builds if this part of its fragments gives a valid one."""
    fragments = len(run.ledger.fragments.for_training())
    return min(limited(run, run.config.evaluate.questions), round(fragments * part))


def _questions(run: Run, sample: Sample) -> int:
    """The test questions of the run, given or expected; of two parts, those in the smaller one.

    Where some only choose which generation leads, a gain must show on these and on the others.
    """
    given = run.ledger.items.of_suite("domain")
    if given:
        apart = len(chosen_apart(run.config, run.ledger, given))
        return min(apart or len(given), len(given) - apart)
    built = _expected(run, sample.taken / sample.candidates) if sample.candidates else 0
    return smaller_part(run.config, built, len(run.ledger.documents.here()))
