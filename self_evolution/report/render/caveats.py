"""Caveats: objections that a careful reader of the first screen might have. The screen states them
itself."""

from __future__ import annotations

from collections.abc import Iterator

from self_evolution.evaluation.scores import is_share
from self_evolution.report.facts import Facts
from self_evolution.report.facts.questions import TestSets
from self_evolution.report.facts.subsets import Outdated
from self_evolution.report.render.words import format_score, score
from self_evolution.text.counts import many

FEW_QUESTIONS = 30
"""Below this number, questions are called few."""


def caveats(facts: Facts) -> Iterator[str]:
    """Yield one or two sentences for each caveat; nothing if nothing was compared."""
    lead, config = facts.lead, facts.config
    if not lead.comparisons:
        return
    yield (
        "In brackets: 95% intervals, from resampling the documents (questions of one passage "
        "together). "
    ) + (
        "Whether a score differs from the base's is judged question by question, and after "
        "Holm's correction for the number of generations."
        if all(one.difference for one in lead.comparisons if one.base is not one.now)
        else "Two scores count as different only where their intervals do not overlap, which "
        "is a cautious rule."
    )
    if lead.metric != config.promote.metric:
        yield (
            f"{config.promote.metric} decides which generation leads, but applies to none of the "
            f"questions; shown here is {lead.metric}."
        )
    if lead.main:
        yield from _number(lead.main.now.n, facts.state.questions, lead.metric)
    yield from _built(facts.tests)
    yield from _changed(facts)
    if any(one.task.suite == "abilities" for one in lead.comparisons):
        yield (
            "The base wrote the questions on former abilities, and its answers are the references, "
            "right or wrong: they show what has changed. Where the base itself is below 100, it "
            "does not always give the same answer."
        )
    flat = [one.task.title.lower() for one in lead.comparisons if one.base.low == one.base.high]
    if flat:
        yield (
            f"Where all of the base's answers have the same score ({'; '.join(flat)}), its "
            "interval has no width, and says nothing about other questions."
        )
    if lead.best and lead.main and lead.leader and lead.best.mean > lead.main.now.mean:
        yield (
            f"Generation {lead.best.generation} scored higher than the leader: "
            f"{score(lead.best)}. The rule of promotion here is “{config.promote.rule}”."
        )
    trained = [row for row in facts.promotions if row.generation]
    if config.promote.rule != "always" and lead.leader and len(trained) > 1:
        yield _chosen(facts.state.choosing)


def _chosen(choosing: int) -> str:
    if choosing:
        return (
            f"The leader was chosen on {choosing:,} other questions, about other documents, so the "
            "choice does not flatter its score here."
        )
    return (
        "The leader was chosen among several generations on these same questions, so its score is "
        "probably a little too high."
    )


def describe_outdated(found: Outdated) -> str:
    """Describe how many test questions are on text that is no longer there; empty if there are
    none."""
    if not found.gone:
        return ""
    return (
        f"{found.gone:,} of {found.tests:,} test questions are about documents that have changed "
        "or gone since"
    )


def describe_searched(found: Outdated) -> str:
    """A sentence on who was not given the passages that the base was; empty if all were."""
    generations = [str(who) for who in found.others if who > 0]
    rivals = [str(-who) for who in found.others if who < 0]
    named = [
        f"{what}{'s' * (len(some) > 1)} {', '.join(some)}"
        for what, some in (("generation", generations), ("rival", rivals))
        if some
    ]
    if not named:
        return ""
    return (
        "Documents changed between the base's answers with search and those of "
        f"{' and '.join(named)}: they were not given the same passages, so what differs with "
        "search is also a difference of documents."
    )


def _number(n: int, questions: int, metric: str) -> Iterator[str]:
    if is_share(metric) and n < questions:
        yield (
            f"{metric} applies to {n:,} of the {questions:,} domain questions: those whose "
            "reference has a value (a number, code or name)."
        )
    else:
        yield f"Measured on {many(n, 'domain question')}."
    if n < FEW_QUESTIONS:
        yield (
            f"Only {n} questions: too few for a firm statement, and intervals of so small "
            "a set come out too narrow."
        )


def _built(tests: TestSets) -> Iterator[str]:
    """Sentences on how the questions were made, if the user did not write them."""
    if not tests.lock or not {"seen", "unseen"} & {one.kind for one in tests.sets}:
        return
    reviewed = tests.lock.origin == "reviewed"
    yield (
        "The base model itself built test questions from the documents; independent answers with "
        "the fragment open agree on each reference. "
    ) + (
        "A person has looked through them."
        if reviewed
        else "No person has looked through them (`self-evolution review`)."
    )
    if "unseen" in tests.suites:
        yield (
            "No model here was trained on the unseen documents. Closed-book answers on them show "
            "what a model makes up; answers with the passage show how well it still reads."
        )


def _changed(facts: Facts) -> Iterator[str]:
    """What changed documents mean for the test, and the score without the questions on them."""
    if sentence := describe_outdated(facts.outdated):
        sentence += "; they stay, so that every generation is asked the same."
        found, metric = facts.current, facts.lead.metric
        if found and found.chosen and found.all:
            without = "without them no question is left"
            if found.other_score:
                without = f"{format_score(found.other_score, metric)} without them"
            sentence += (
                f" {metric} on domain questions, book closed: "
                f"{format_score(found.all, metric)} with the {found.chosen:,} that are among "
                f"these, {without}."
            )
        yield sentence
    if sentence := describe_searched(facts.outdated):
        yield sentence
