"""The scores of predictions are in the ledger, and are those that the metrics compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import fmean

import pytest

from self_evolution.evaluation.metrics import METRICS
from self_evolution.evaluation.scores import (
    ScoredPrediction,
    measure,
    new_scores,
    score_answer,
    scored_predictions,
    store_missing,
)
from self_evolution.evaluation.tasks import MAIN, Task
from self_evolution.ledger import Ledger
from self_evolution.records import PredictionScore, Signature

TASKS = [(generation, Task("domain", mode)) for generation in (0, 1) for mode in ("closed", "open")]


@pytest.fixture
def ledger(old: Path) -> Iterator[Ledger]:
    """The ledger of a run that an earlier version evaluated, without storing scores."""
    with closing(Ledger(old / "run.db")) as ledger:
        yield ledger


def predictions(ledger: Ledger) -> list[ScoredPrediction]:
    return [row for task in TASKS for row in scored_predictions(ledger, *task)]


def test_stored_scores_are_those_that_the_metrics_compute(ledger: Ledger) -> None:
    computed = {
        (row.id, metric): score_answer(metric, row.item, row.text)
        for row in predictions(ledger)
        for metric in METRICS
    }
    assert len(computed) == 26 * len(METRICS)
    assert {None, 0.0, 100.0} < set(computed.values())  # or else this shows little
    store_missing(ledger)
    stored = {
        (row.id, metric): row.stored[measure(metric, "domain").signature()]
        for row in predictions(ledger)
        for metric in METRICS
    }
    assert stored == computed
    assert ledger.evaluations.unscored() == []


def test_an_evaluation_is_the_mean_of_the_stored_scores(ledger: Ledger) -> None:
    store_missing(ledger)
    rows = [row for row in ledger.evaluations.of_generations() if row.metric in METRICS]
    assert len(rows) == 2 * 3 * len(METRICS)
    for row in rows:
        found = scored_predictions(ledger, row.generation, Task.of(row))
        # The fixture is of an earlier version, whose signatures may end in another number.
        scores = [one.score(row.metric) for one in found]
        known = [score for score in scores if score is not None]
        assert (fmean(known), len(known)) == (pytest.approx(row.mean), row.n)


def test_scores_are_computed_for_a_reader_where_none_are_stored(ledger: Ledger) -> None:
    before = [row.score("token-f1") for row in predictions(ledger)]
    assert ledger.count("prediction_score") == 0
    store_missing(ledger)
    assert [row.score("token-f1") for row in predictions(ledger)] == before


def test_stored_scores_are_read_and_not_computed_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_missing(ledger)
    monkeypatch.setattr(
        "self_evolution.evaluation.scores.score_answer", None
    )  # would raise if called
    assert len([row.score("chrf") for row in predictions(ledger)]) == 26


def test_a_score_with_another_signature_is_not_used(ledger: Ledger) -> None:
    before, *_ = scored_predictions(ledger, 0, MAIN)
    ledger.add([Signature(1, "chrf|of another version"), PredictionScore(before.id, 1, 12.5)])
    first, *_ = scored_predictions(ledger, 0, MAIN)
    assert first.score("chrf") == before.score("chrf") != 12.5
    ledger.add(new_scores(ledger, [first]))
    first, *_ = scored_predictions(ledger, 0, MAIN)
    assert len(first.stored) == len(METRICS) + 1


def test_nothing_is_stored_twice(ledger: Ledger) -> None:
    for _ in range(2):
        store_missing(ledger)
        ledger.add(new_scores(ledger, predictions(ledger)))
    assert ledger.count("prediction_score") == ledger.count("prediction") * len(METRICS)
    assert ledger.count("signature") == len(METRICS)
