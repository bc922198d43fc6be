"""The sentences of the first screen: gains, losses, remaining errors, and the leader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from self_evolution.evaluation.scores import is_share
from self_evolution.evaluation.statistics import NO_DIFFERENCE, format_difference
from self_evolution.evaluation.tasks import FORMER, TESTS
from self_evolution.report.facts import Facts
from self_evolution.report.facts.evaluations import Comparison
from self_evolution.report.facts.remaining import Place, Remaining
from self_evolution.report.render.caveats import caveats
from self_evolution.report.render.words import interval, lower_first, number, score
from self_evolution.text.counts import many


@dataclass(frozen=True, slots=True)
class Headline:
    """The sentences of the first screen. A sentence is empty if it does not apply."""

    sentence: str
    losses: str
    remaining: str
    status: str
    caveats: tuple[str, ...]


def headline(facts: Facts) -> Headline:
    return Headline(
        _gain(facts),
        _losses(facts),
        describe_remaining(facts.remaining),
        _status(facts),
        tuple(caveats(facts)),
    )


def _gain(facts: Facts) -> str:
    """A sentence on how much the compared generation knows, and how much the base."""
    lead, state = facts.lead, facts.state
    if not state.questions:
        if not state.read:
            return "The documents are not read yet: there is nothing to say so far."
        if state.to_come and not state.decided:
            return "The test questions are not built yet: there is nothing to say so far."
        return (
            "Nothing shows whether this helped: the run has no evaluation set. "
            "Start a new run with --eval FILE to see."
        )
    if lead.main is None:
        return "Nothing to compare yet: the evaluation has not been made for base and leader."
    verb = "knows" if is_share(lead.metric) else "scores"
    what = " of the facts that the test asks for" if verb == "knows" else f" in {lead.metric}"
    after, before = f"{verb} {score(lead.main.now)}{what}", score(lead.main.base)
    if not lead.compared:
        return f"The base model {after}. No other generation has been evaluated yet."
    if not lead.leader:
        tail = {NO_DIFFERENCE: f": {NO_DIFFERENCE}", "rose": "", "fell": ": it got worse"}
        return (
            f"The base model still leads: no generation was promoted. Generation "
            f"{lead.compared}, the last, {after}; the base {verb} {before}{tail[lead.main.trend]}."
        )
    if lead.main.trend == "rose":
        return f"The model {after}, up from {before}."
    if lead.main.trend == "fell":
        return f"The model got worse: it {after}, down from {before}."
    return f"No difference shown: the model {after}, the base {before}."


def _losses(facts: Facts) -> str:
    """Sentences on losses elsewhere: in reading, as far as it fell, and in former abilities.

    Former abilities are always mentioned. A metric is named if it is not that of the main task.
    """
    lead = facts.lead
    if not lead.compared:
        return ""
    former = [one for one in lead.comparisons if one.task.suite in FORMER]
    fell = [
        one
        for one in lead.comparisons
        if one.trend == "fell" and not (one.task.suite in TESTS and one.task.mode == "closed")
    ]
    lost = "; ".join(
        _kept(one, lead.metric) for one in lead.comparisons if one in fell or one in former
    )
    parts = []
    if lost:
        parts.append(f"Lost {'' if fell else 'nothing measurable '}elsewhere: {lost}.")
    if not former:
        parts.append(
            "Former abilities were not measured, so nothing shows what was lost "
            "(--evaluate.abilities, --evaluate.retention-file)."
        )
    return " ".join(parts)


def _kept(one: Comparison, metric: str) -> str:
    what = lower_first(one.task.title)
    if one.now.metric != metric:
        what += f" ({one.now.metric})"
    if one.trend != NO_DIFFERENCE:
        return f"{what}, {one.trend} from {score(one.base)} to {score(one.now)}"
    change = f" ({format_difference(one.difference)} points)" if one.difference else ""
    return f"{what}, {score(one.base)} → {score(one.now)}, {NO_DIFFERENCE}{change}"


def describe_remaining(found: Remaining | None) -> str:
    """In which part of the documents the remaining errors are, with an interval."""
    if found is None:
        return ""
    if found.share is None:
        return (
            f"The {found.errors:,} remaining errors are spread: no part of the documents is shown "
            "to hold most of them."
        )
    return (
        f"{sum(place.errors for place in found.places):,} of the {found.errors:,} remaining "
        f"errors, {number(found.share.mean)}% {interval(found.share)}, are in "
        f"{_joined([_named(place, found.documents) for place in found.places])}, with "
        f"{number(found.questions)}% of the questions."
    )


def _named(place: Place, documents: int) -> str:
    if not place.heading:
        return place.document
    return f"“{place.heading[-1]}”" + (f" of {place.document}" if documents > 1 else "")


def _joined(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _status(facts: Facts) -> str:
    """A sentence on which generation leads, and whether the run is complete."""
    leader, state, config = facts.lead.leader, facts.state, facts.config
    leads = f"{f'Generation {leader}' if leader else 'The base (generation 0)'} leads"
    leads += " and is the one to use."
    if not state.decided:
        leads = "No generation leads yet."
    if state.left:
        generation, name = state.left[0]
        return (
            f"{leads} The run is unfinished: next is {name} of generation {generation}; "
            f"{len(state.left)} of {state.steps} stages are to go."
        )
    if state.stopped:
        return (
            f"{leads} The run stopped before generation {config.generations}: "
            f"{config.promote.patience} generations in a row were not promoted."
        )
    return f"{leads} The run is complete: {many(config.generations, 'generation')}."
