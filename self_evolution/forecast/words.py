"""A forecast in words: a table of its stages, and sentences on what the run would have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from self_evolution.coverage.shares import shares
from self_evolution.evaluation.statistics.power import detectable
from self_evolution.forecast.forecast import Forecast
from self_evolution.forecast.sample import Part, Sample, interval
from self_evolution.forecast.stages import Stages
from self_evolution.forecast.storage import size
from self_evolution.forecast.verdict import JUDGED, questions
from self_evolution.ledger import ForecastRow
from self_evolution.models import engines
from self_evolution.progress import clock
from self_evolution.schedule import STAGES
from self_evolution.text.counts import many, rounded

HEAD = ("stage", "times", "tokens", "time", "from", "to", "memory")

GIVEN_UP: dict[Part, str] = {
    "steps": "steps of all sizes",
    "replies": "how long replies are and which are valid",
    "training": "training and steps with an adapter",
}
"""Each part of a probe measures this; the words stand in the sentence of `unmeasured`."""

REASONS = 4
"""Reasons that are told, the most frequent ones."""

LOOKED_AT = 1000
"""In more fragments than this, the plan does not look for statements: it would take minutes."""


def table(found: Forecast) -> list[tuple[str, ...]]:
    """The head, a row for each stage in all generations, and the sum."""
    rows: list[tuple[str, ...]] = [HEAD]
    for name in STAGES:
        if some := [row for row in found.rows if row.name == name]:
            rows.append(_row(name, some))
        elif name in found.not_counted:
            rows.append((name, "", "not counted", "", "", "", ""))
    return [*rows, _row("all", found.rows)]


def _row(name: str, rows: Sequence[ForecastRow]) -> tuple[str, ...]:
    memory = max(row.memory for row in rows)
    return (
        name,
        "" if name == "all" else f"{len(rows)}",
        f"{sum(row.tokens for row in rows):,.0f}",
        clock(sum(row.seconds for row in rows)),
        clock(sum(row.low for row in rows)),
        clock(sum(row.high for row in rows)),
        size(memory) if memory else "–",
    )


def lines(found: Forecast) -> Iterator[str]:
    """The table as text in columns."""
    rows = table(found)
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()


def summary(found: Forecast) -> str:
    """`about 12 min (9 min to 16 min), 1,200,000 tokens, 2.1 GB of memory, 12 MB of disk`."""
    text = (
        f"about {clock(found.seconds)} ({clock(found.low)} to {clock(found.high)}), "
        f"{found.tokens:,.0f} tokens, "
    )
    text += f"{size(found.memory)} of memory, " if found.memory else ""
    return f"{text}{size(found.disk)} of disk"


def unmeasured(sample: Sample) -> Iterator[str]:
    """Say what the probe had no time for, if anything."""
    parts = [text for part, text in GIVEN_UP.items() if part in sample.given_up]
    if parts:
        yield (
            f"the time of the probe was over before it had measured {', '.join(parts)}: this is "
            "guessed, and the intervals are wider"
        )


def describe(stages: Stages, found: Forecast) -> Iterator[str]:
    """Sentences on pairs, test questions and power of this forecast, by what the sample shows."""
    sample, settings = stages.sample, found.settings
    given = stages.given(settings, found.share)
    yield from unmeasured(sample)
    if settings.model.generator:
        yield "the time in which the server of --model.generator writes replies is not counted"
    if (plan := engines.parallel(settings)).kind != "none":
        yield f"training: in {plan}; its time is counted as in one process"
    yield (
        f"{many(given.fragments, 'fragment')} to ask about; "
        f"{sample.fragments:,} of them were probed"
    )
    run = stages.run
    if spread := str(shares(settings, run.ledger, run.prompts, 1, LOOKED_AT)):
        yield f"generation 1 would ask {spread}"
    if sample.pairs.of:
        asked = given.fragments * settings.ask.per_fragment
        low, high = interval(sample.pairs.taken, sample.pairs.of)
        yield (
            f"pairs: {sample.pairs.taken:,} of {sample.pairs.of:,} valid; a generation would have "
            f"{round(asked * low):,} to {round(asked * high):,} of {asked:,}"
        )
        if sample.pairs.of < JUDGED:
            yield "so few pairs do not show whether the model is strong enough"
    if sample.candidates.of:
        low, high = (
            stages.counts(settings, stages.variant(sign, "shares"), found.share).seen.taken
            for sign in (-1, 1)
        )
        yield (
            f"test questions: {sample.candidates.taken:,} of {sample.candidates.of:,} valid; a set "
            f"would have {round(low):,} to {round(high):,}"
        )
    if number := questions(stages, found):
        points = rounded(detectable(number, min(number, given.fragments)))
        yield f"smallest gain that {many(number, 'test question')} can show: {points} points"
    if sample.reasons:
        some = sample.reasons.most_common(REASONS)
        told = ", ".join(f"{n:,} {reason.replace('_', ' ')}" for reason, n in some)
        yield f"not valid: {told}"
