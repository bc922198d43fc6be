"""Work on a cluster: the same rows as those of one process, whatever dies on the way.

What needs Ray is a drill in test_cluster_ray.py; here jobs are sent to nobody, but as if.
"""

from __future__ import annotations

import importlib.util
import pickle
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from conftest import exported

from self_evolution import cli
from self_evolution.config import Config
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.models import ray_session
from self_evolution.run import Run
from self_evolution.run.batches import Batches

Arguments = Callable[..., list[str]]


def _sent(jobs: Iterator[Any], run: Run, generation: int, ahead: int = 5) -> Iterator[Any]:
    """Do jobs as a cluster does: as bytes, several read ahead, the results in their order."""
    ready: deque[bytes] = deque()
    for job in jobs:
        ready.append(pickle.dumps(job))
        if len(ready) < ahead:
            continue
        yield _done(run, ready.popleft(), generation)
    while ready:
        yield _done(run, ready.popleft(), generation)


def _done(run: Run, job: bytes, generation: int) -> Any:
    run.use(generation)
    run.engine.begin_batch()
    return pickle.loads(pickle.dumps(pickle.loads(job)(run.engine)))


@pytest.mark.parametrize("more", [(), ("--select.strategy", "mastery", "--train.rehearsal", "0.5")])
def test_jobs_that_are_read_ahead_and_sent_give_the_same_rows(
    arguments: Arguments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    assert cli.main(arguments("here", *more)) == 0
    number = 0

    def work(run: Run, jobs: Iterator[Any], generation: int) -> Iterator[Any]:
        nonlocal number
        number += 1
        return _sent(jobs, run, generation)

    monkeypatch.setattr(Run, "work", work)
    assert cli.main(arguments("sent", *more)) == 0
    assert number >= 10  # every stage that asks the model comes here
    assert exported(tmp_path / "sent") == exported(tmp_path / "here")


def test_what_is_read_ahead_is_not_counted_before_it_is_committed(tmp_path: Path) -> None:
    log: list[str] = []

    class Bar:
        def advance(self, done: int) -> None:
            log.append(f"advance {done}")

    def prepare(ids: list[str], seeds: list[int]) -> tuple[list[str], list[int]]:
        log.append(f"prepare {' '.join(ids)}")
        return ids, seeds

    def work(jobs: Iterator[list[int]]) -> Iterator[int]:
        for seeds in list(jobs):
            yield len(seeds)

    ledger = Ledger(tmp_path / "run.db")
    queue = ledger.queue([(name, 1) for name in "abcde"], ["b"])
    batches = Batches(queue, 2, 7, lambda: nullcontext(Bar()), lambda: None, lambda: None)
    for ids, size in batches.results(prepare, work):
        assert len(ids) == size
        log.append(f"commit {' '.join(ids)}")
    ledger.close()
    assert log == [
        *("prepare a", "prepare c d", "prepare e"),
        *("commit a", "advance 1", "commit c d", "advance 2", "commit e", "advance 1"),
    ]


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    ray_session.check(Config())
    with pytest.raises(UserError, match=r"pip install 'self-evolution\[ray\]'"):
        ray_session.check(Config().changed({"cluster.address": "auto"}))


def test_a_server_and_a_cluster_are_not_used_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_session, "there", lambda: True)
    both = {"cluster.address": "auto", "model.generator": "http://127.0.0.1:8000/v1"}
    with pytest.raises(UserError, match="leave one of the two out"):
        ray_session.check(Config().changed(both))


def test_actors_see_the_gpus_that_they_are_given() -> None:
    def device(**values: object) -> str:
        settings = {key.replace("_", ".", 1): value for key, value in values.items()}
        return ray_session.model(Config().changed(settings)).device

    assert device(model_device="auto") == "cpu"
    assert device(model_device="cuda:1", cluster_gpus=1) == "cuda"
    assert device(model_device="auto", cluster_gpus=1) == "auto"
