"""The smallest difference that the test questions can show."""

from __future__ import annotations

from collections.abc import Sequence

from self_evolution.config import Config
from self_evolution.evaluation import abilities
from self_evolution.evaluation.scores import is_share
from self_evolution.evaluation.statistics.power import describe_power
from self_evolution.evaluation.tasks import TESTS
from self_evolution.ledger import Ledger
from self_evolution.records import Item


def power(settings: Config, ledger: Ledger) -> dict[str, str]:
    """{suite: sentence on the smallest difference that its questions can show}.

    Only questions that the deciding metric applies to are counted; where there are none, all are.
    """
    found = {}
    for suite in (*TESTS, abilities.ABILITIES):
        exact = is_share(ledger.evaluations.deciding_metric(settings.promote.metric, suite))
        items = ledger.items.of_suite(suite)
        counted = [item for item in items if exact and item.reference_values != ()] or items
        if counted:
            clusters = {item.cluster for item in counted}
            found[suite] = describe_power(len(counted), len(clusters), _unit(ledger, counted))
            if others := len(items) - len(counted):
                found[suite] += f"; {others:,} more have no value to match exactly"
    return found


def _unit(ledger: Ledger, items: Sequence[Item]) -> str:
    if items[0].suite == abilities.ABILITIES:
        return "topics"
    documents = {source.document_id for source in ledger.sources.built(items).values()}
    named = not documents and all(item.cluster_id for item in items)  # by the user's file
    if named or (documents and {item.cluster for item in items} <= documents):
        return "documents"
    return "passages" if all(item.passage.strip() for item in items) else ""
