"""What is said of test questions about documents that have changed or gone since."""

from __future__ import annotations

from self_evolution.ledger import Ledger
from self_evolution.report.apart import apart
from self_evolution.report.words import told


def outdated(ledger: Ledger) -> str:
    """How many they are of how many; empty if there are none."""
    items = ledger.items.locked()
    gone = ledger.items.outdated() & {item.id for item in items}
    if not gone:
        return ""
    return (
        f"{len(gone):,} of {len(items):,} test questions are about documents that have changed or "
        "gone since"
    )


def searched(ledger: Ledger) -> str:
    """Who was not given the passages that the base was, as a sentence; empty if all were."""
    states = ledger.search.searched()
    base = states.get(0, [])
    others = {who for who, theirs in states.items() if theirs != base or len(base) > 1} - {0}
    if not base or not others:
        return ""
    generations = [str(who) for who in sorted(others) if who > 0]
    rivals = [str(-who) for who in sorted(others, reverse=True) if who < 0]
    named = [
        f"{what}{'s' * (len(some) > 1)} {', '.join(some)}"
        for what, some in (("generation", generations), ("rival", rivals))
        if some
    ]
    return (
        "Documents changed between the base's answers with search and those of "
        f"{' and '.join(named)}: they were not given the same passages, so what differs with "
        "search is also a difference of documents."
    )


def caveat(ledger: Ledger, metric: str, candidate: int) -> str:
    """The same as sentences, with the score without those that decide; empty if there are none."""
    said = outdated(ledger)
    if not said:
        return ""
    said += "; they stay, so that every generation is asked the same."
    found = apart(ledger, metric, candidate, ledger.items.outdated())
    if not found.some or found.all is None:
        return said
    without = "without them no question is left"
    if found.other_score:
        without = f"{told(found.other_score, metric)} without them"
    return (
        f"{said} {metric} on domain questions, book closed: {told(found.all, metric)} with the "
        f"{found.some:,} that are among these, {without}."
    )
