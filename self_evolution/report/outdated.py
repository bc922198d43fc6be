"""What is said of test questions about documents that have changed or gone since."""

from __future__ import annotations

from self_evolution.ledger import Ledger
from self_evolution.report.apart import apart
from self_evolution.report.words import told


def outdated(ledger: Ledger) -> str:
    """How many they are of how many; empty if there are none."""
    items = ledger.tests()
    gone = ledger.outdated() & {item.id for item in items}
    if not gone:
        return ""
    return (
        f"{len(gone):,} of {len(items):,} test questions are about documents that have changed or "
        "gone since"
    )


def caveat(ledger: Ledger, metric: str, candidate: int) -> str:
    """The same as sentences, with the score without those that decide; empty if there are none."""
    said = outdated(ledger)
    if not said:
        return ""
    said += "; they stay, so that every generation is asked the same."
    found = apart(ledger, metric, candidate, ledger.outdated())
    if not found.some or found.all is None:
        return said
    without = "without them no question is left"
    if found.other_score:
        without = f"{told(found.other_score, metric)} without them"
    return (
        f"{said} {metric} on domain questions, book closed: {told(found.all, metric)} with the "
        f"{found.some:,} that are among these, {without}."
    )
