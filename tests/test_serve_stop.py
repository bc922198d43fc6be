"""The service is stopped while it measures how reliable its answers are."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from routing import changed, run  # noqa: F401 - a fixture
from serving import served

from self_evolution.run.read import RunReader
from self_evolution.serving.answering import Answerer, open_model
from self_evolution.serving.routing import Router

pytestmark = pytest.mark.slow
COPIES = 13
SOON = 5.0
"""Seconds in which a stop ends the service."""


@pytest.fixture
def many(run: Path, tmp_path: Path) -> Path:  # noqa: F811
    """A run with so many test questions that every part of the calibration takes a while."""
    return changed(
        run,
        tmp_path,
        """WITH RECURSIVE copy(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < ?)
           INSERT INTO item SELECT id || '-' || n, suite, position + n * 1000, passage,
             question || ' (' || n || ')', reference, reference_values, fragment_id, cluster_id
           FROM item, copy WHERE suite = 'domain'""",
        COPIES,
    )


def test_no_part_of_the_calibration_goes_on_long_after_a_stop(
    many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a stop comes, it is noticed at the next check: between two there is little time."""
    checks = [time.monotonic()]
    monkeypatch.setattr(Answerer, "raise_if_closed", lambda _: checks.append(time.monotonic()))
    with (
        closing(RunReader(many)) as reader,
        closing(open_model(reader)) as engine,
        closing(Answerer(reader, engine)) as answerer,
    ):
        assert Router(reader, answerer).calibration(1).models
    checks.append(time.monotonic())
    assert max(after - before for before, after in pairwise(checks)) < SOON / 2


def test_a_stop_ends_the_service_soon(many: Path, tmp_path: Path) -> None:
    with served(many, tmp_path) as service:
        end = time.monotonic() + 120
        while "calibrating on" not in service.log.read_text():
            assert service.process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        service.process.send_signal(signal.SIGTERM)
        before = time.monotonic()
        assert service.process.wait(60) == 0
        assert time.monotonic() - before < SOON
    assert not (many / "routing.json").exists() and "Traceback" not in service.log.read_text()
