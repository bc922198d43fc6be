"""The user's test questions about text that was not read, because `read.limit` cuts the documents.

No generation can learn what they ask, so they are left out of the test set before it is locked.
`--hours` sets this limit where the documents are too many for the time.
"""

from __future__ import annotations

from collections.abc import Collection

from self_evolution.errors import UserError
from self_evolution.evaluation.building import builds
from self_evolution.records import Item
from self_evolution.retrieval import is_there
from self_evolution.run import Run
from self_evolution.text.counts import many

META = "questions_unread"
"""How many questions were left out, in the ledger."""


def leave_out(run: Run) -> None:
    """Take these questions out of the set, which is not locked yet. Raises UserError if no question
    would be left, and none is built."""
    given, limit = run.ledger.items.of_suite("domain"), run.config.read.limit
    if not given or not 0 < limit <= run.ledger.fragments.counts()["sections"]:
        return  # nothing was cut off
    empty = {row.path for row in run.ledger.documents.rows() if row.here and not row.sections}
    out = [item.id for item in given if _unread(run, item, empty)]
    if len(out) == len(given) and not builds(run.config):
        raise UserError(
            f"--limit {limit:,}: none of the {len(given):,} test questions is "
            "about the passages that are read; give a larger limit or more --hours, or put the "
            "documents that the questions are about first"
        )
    with run.ledger.transaction():
        run.ledger.items.remove(out)
        run.ledger.set_meta(META, (run.ledger.meta(META) or 0) + len(out))


def describe(run: Run) -> str:
    """How many questions were left out; empty if none was."""
    count = run.ledger.meta(META)
    if not count:
        return ""
    return (
        f"{many(count, 'test question')} of yours left out: --limit {run.config.read.limit:,} "
        "cuts off the text that they are about"
    )


def _unread(run: Run, item: Item, empty: Collection[str]) -> bool:
    """Whether its passage is nowhere in what was read, or no part of the document that it names.

    A question with neither is kept: it may be about anything.
    """
    if item.passage.strip():
        return not is_there(run.search, item)
    name = item.cluster_id
    return bool(name) and any(f"/{path}".endswith(f"/{name}") for path in empty)
