"""Recall: the share of questions with search for which the search found the right passage.

It depends on the fragments in each prompt, even if the documents have changed since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from self_evolution.records import Item
from self_evolution.retrieval import is_there, was_shown
from self_evolution.run import Run


def recall(
    run: Run, items: Sequence[Item], shown: dict[str, tuple[str, ...]], label: str
) -> Iterator[tuple[float, str]]:
    """(100 or 0, cluster) of each item with a known passage that was or could be shown.

    `shown`: {item: fragments in its prompt}. Raises Stopped if the user asked for it.
    """
    known = [item for item in items if item.id in shown and item.passage.strip()]
    missed = []
    for item in known:
        if was_shown(item, run.ledger.fragments.get(shown[item.id])):
            yield 100.0, item.cluster
        else:
            missed.append(item)
    if not missed:
        return
    with run.progress.bar(label, "passages missed", len(missed), 0) as bar:
        for item in missed:
            if is_there(run.search, item):
                yield 0.0, item.cluster
            bar.advance(1)
            run.raise_if_stopped()
