"""What a careful reader would object to the first screen, said there first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from self_evolution.config import Config
from self_evolution.ledger import Ledger
from self_evolution.report import outdated
from self_evolution.report.words import is_share, score

if TYPE_CHECKING:
    from self_evolution.report.headline import Comparison

FEW = 30
"""Fewer questions are called few."""


def caveats(
    config: Config,
    ledger: Ledger,
    metric: str,
    leader: int,
    candidate: int,
    comparisons: Sequence[Comparison],
) -> list[str]:
    """A sentence or two each; none where nothing was compared."""
    if not comparisons:
        return []
    notes = [
        "In brackets: 95% intervals, from resampling the documents (questions of one passage "
        "together). "
        + (
            "Whether a score differs from the base's is judged question by question, and after "
            "Holm's correction for the number of generations."
            if all(one.change for one in comparisons if one.base is not one.now)
            else "Two scores count as different only where their intervals do not overlap, which "
            "is a cautious rule."
        )
    ]
    if metric != config.promote.metric:
        notes.append(
            f"{config.promote.metric} decides which generation leads, but applies to none of the "
            f"questions; shown here is {metric}."
        )
    closed = next((c.now for c in comparisons if (c.suite, c.mode) == ("domain", "closed")), None)
    total = len(ledger.items.of_suite("domain"))
    if closed and is_share(metric) and closed.n < total:
        notes.append(
            f"{metric} applies to {closed.n:,} of the {total:,} domain questions: those whose "
            "reference has a value (a number, code or name)."
        )
    elif closed:
        notes.append(f"Measured on {closed.n:,} domain questions.")
    if closed and closed.n < FEW:
        notes.append(
            f"Only {closed.n} questions: too few for a firm statement, and intervals of so small "
            "a set come out too narrow."
        )
    notes += _built(ledger)
    notes += filter(None, [outdated.caveat(ledger, metric, candidate), outdated.searched(ledger)])
    if any(c.suite == "abilities" for c in comparisons):
        notes.append(
            "The questions on former abilities are the base's own, and so are the answers they are "
            "held against, right or wrong: they show what has changed. Where the base itself is "
            "below 100, it does not always answer alike."
        )
    flat = [c.title.lower() for c in comparisons if c.base.low == c.base.high]
    if flat:
        notes.append(
            f"Where all of the base's answers score alike ({'; '.join(flat)}), its interval has "
            "no width, and says nothing of questions beyond the set."
        )
    curve = [
        row
        for row in ledger.evaluations.of_generations()
        if (row.suite, row.mode, row.metric) == ("domain", "closed", metric)
    ]
    best = max(curve, key=lambda row: row.mean, default=None)
    if best and closed and leader and best.mean > closed.mean:
        notes.append(
            f"Generation {best.generation} scored higher than the leader: {score(best)}. The rule "
            f"of promotion here is “{config.promote.rule}”."
        )
    trained = [row for row in ledger.evaluations.promotions() if row.generation]
    if config.promote.rule != "always" and leader and len(trained) > 1:
        notes.append(
            "The leader was chosen among several generations by this same set, which flatters it "
            "a little."
        )
    return notes


def _built(ledger: Ledger) -> list[str]:
    """Who made the questions, where it was not the user."""
    seals = ledger.items.seals()
    if not seals or not any(item.fragment_id for item in ledger.items.locked()):
        return []
    seen = (
        "A person has looked through them."
        if seals[-1].origin == "reviewed"
        else ("No person has looked through them (`self-evolution review`).")
    )
    notes = [
        "The base model itself built test questions from the documents; independent answers with "
        f"the fragment open agree on each reference. {seen}"
    ]
    if ledger.items.of_suite("unseen"):
        notes.append(
            "Of the unseen documents no model here was ever told: with the book closed they show "
            "what is made up, with the passage at hand how well the model still reads."
        )
    return notes
