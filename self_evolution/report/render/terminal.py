"""The lines that the terminal shows below the closing table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from self_evolution.config import Config
from self_evolution.ledger import Ledger
from self_evolution.report.facts.corrected import corrections
from self_evolution.report.facts.others import bench, rivals
from self_evolution.report.facts.questions import TestSet, built_sets
from self_evolution.report.facts.subsets import outdated
from self_evolution.report.render.caveats import describe_outdated, describe_searched
from self_evolution.report.render.others import judge_lines, rival_lines
from self_evolution.report.render.words import (
    KINDS,
    contradicted,
    corrected,
    lower_first,
    rewritten,
    teachers,
    trusted,
)
from self_evolution.text.counts import many


def summary(config: Config, ledger: Ledger) -> Iterator[str]:
    """Yield a line for each built test set, one for each kind of pair that needs a word, one for
    each rival, and one for each model that the judge compared."""
    yield from test_lines(built_sets(config, ledger))
    leader = ledger.evaluations.leader()
    yield from filter(
        None,
        (
            trusted(ledger.trusted.counts()),
            teachers(ledger.teachers.counts()),
            rewritten(ledger.rewrites.counts()),
            corrected(corrections(ledger, leader)),
            contradicted(ledger.contradictions.conflicts()),
        ),
    )
    yield from rival_lines(rivals(config, ledger))
    yield from judge_lines(bench(config, ledger), config.evaluate.judge, leader)


def changed(ledger: Ledger) -> Iterator[str]:
    """Yield what changed documents mean for the test questions."""
    found = outdated(ledger)
    yield from filter(None, (describe_outdated(found), describe_searched(found)))


def test_lines(sets: Iterable[TestSet]) -> Iterator[str]:
    """Yield a line for each built test set; nothing if all test questions are the user's own."""
    for one in sets:
        if one.kind != "own":
            source = f" ({many(one.documents, 'document')})" if one.documents else ""
            yield f"{one.suite}: {lower_first(KINDS[one.kind])}, built{source}; {one.power}"
