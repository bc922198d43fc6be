"""Work on a cluster: the same rows as those of one process, whatever dies on the way.

What needs Ray is a drill in test_cluster_ray.py; here jobs are sent to nobody, but as if.
"""

from __future__ import annotations

import importlib.util
import pickle
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from conftest import exported

from self_evolution import cli
from self_evolution.config import Config
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.models import Engine
from self_evolution.models.cluster import cluster, ray_session
from self_evolution.models.cluster.actor import Done, Introduction
from self_evolution.models.cluster.cluster import Cluster
from self_evolution.run import Run
from self_evolution.run.batches import Batches

Arguments = Callable[..., list[str]]


def _sent(jobs: Iterator[Any], run: Run, generation: int, ahead: int = 5) -> Iterator[Any]:
    """Do jobs as a cluster does: as bytes, several read ahead, the results in their order."""
    ready: deque[Any] = deque()
    for job in jobs:
        ready.append(_over_the_wire(job))
        if len(ready) < ahead:
            continue
        yield _done(run, ready.popleft(), generation)
    while ready:
        yield _done(run, ready.popleft(), generation)


def _over_the_wire(value: Any) -> Any:
    """The value as another machine gets it; the bytes are our own."""
    return pickle.loads(pickle.dumps(value))


def _done(run: Run, job: Any, generation: int) -> Any:
    run.use(generation)
    run.engine.begin_batch()
    return _over_the_wire(job(run.engine))


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


class _Remote:
    """A method of an actor as Ray gives it: a call returns what stands for the result."""

    calls = count()

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method

    def remote(self, *words: Any) -> tuple[int, Callable[[], Any]]:
        return next(self.calls), lambda: self._method(*words)


class _ActorOfNothing:
    """Is ready at once and does jobs without a model, until it is dead."""

    def __init__(self) -> None:
        self.dead = False
        self.introduce = _Remote(self._introduce)
        self.do, self.answer = _Remote(self._do), _Remote(self._here)

    def _introduce(self) -> Introduction:
        return Introduction("a node", {})

    def _do(self, job: Callable[[None], Any], adapter: list[Any], sha256: str) -> Done:
        self._here()
        return Done(job(None))

    def _here(self) -> None:
        if self.dead:
            raise ConnectionError("the node is gone")


class _RayOfNothing:
    """Ray's few calls that a cluster uses, done in this process."""

    def __init__(self) -> None:
        self.actors: list[_ActorOfNothing] = []

    def remote(self, kind: type) -> _RayOfNothing:
        return self

    def options(self, **options: Any) -> Any:
        def remote(model: object) -> _ActorOfNothing:
            self.actors.append(_ActorOfNothing())
            return self.actors[-1]

        return SimpleNamespace(remote=remote)

    def wait(self, pending: list[Any], num_returns: int, timeout: float) -> tuple[list[Any], None]:
        return sorted(pending)[:num_returns], None

    def get(self, reference: tuple[int, Callable[[], Any]], timeout: float) -> Any:
        return reference[1]()

    def kill(self, actor: _ActorOfNothing, no_restart: bool) -> None:
        actor.dead = True


@pytest.fixture
def head() -> Iterator[socket.socket]:
    """What accepts connections as the head of a cluster does, until it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture
def nothing(
    head: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[_RayOfNothing, Cluster]]:
    ray, address = _RayOfNothing(), head.getsockname()
    monkeypatch.setattr(ray_session, "head", lambda: address)
    monkeypatch.setattr(ray_session, "connect", lambda settings: ray)
    monkeypatch.setattr(ray_session, "disconnect", lambda: None)
    monkeypatch.setattr(cluster, "facts", lambda model, engine: {})
    settings = Config().changed({"cluster.address": "auto", "cluster.actors": 12})
    yield ray, Cluster(settings, cast(Engine, None), lambda text: None)


def _numbers(hands: Cluster, number: int, folder: Path | None = None) -> list[int]:
    return list(hands.work(iter([partial(_number, i) for i in range(number)]), folder, ""))


def _number(number: int, engine: Engine) -> int:
    return number


def test_idle_actors_that_died_together_are_no_tries_of_one_job(
    nothing: tuple[_RayOfNothing, Cluster],
) -> None:
    """As when a node with many actors goes while the run trains."""
    ray, hands = nothing
    assert _numbers(hands, 60) == list(range(60))  # all twelve are ready
    for actor in ray.actors[:10]:
        actor.dead = True
    assert _numbers(hands, 60) == list(range(60))
    assert len(ray.actors) == 22


def test_without_its_head_the_run_ends(
    nothing: tuple[_RayOfNothing, Cluster], head: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the head dies while the run trains: nothing is handed out any more."""
    monkeypatch.setattr(cluster, "HEADLESS", 0.1)
    _, hands = nothing
    assert _numbers(hands, 5) == list(range(5))
    host, port = head.getsockname()
    head.close()
    with pytest.raises(UserError, match=f"the head of the cluster, {host}:{port}, has not answer"):
        _numbers(hands, 5)


@pytest.mark.parametrize(
    ("address", "by_client", "expected"),
    [
        ("10.0.0.1:6379", False, ("10.0.0.1", 6379)),
        ("[fd00::1]:6379", False, ("fd00::1", 6379)),
        ("10.0.0.1:6379", True, None),
    ],
)
def test_a_head_is_looked_at_where_it_can_be_reached(
    address: str,
    by_client: bool,
    expected: tuple[str, int] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Through Ray's client, its address may be one of another network."""
    context = SimpleNamespace(gcs_address=address)
    client = SimpleNamespace(ray=SimpleNamespace(is_connected=lambda: by_client))
    ray = SimpleNamespace(get_runtime_context=lambda: context)
    for name, module in {"ray": ray, "ray.util": client, "ray.util.client": client}.items():
        monkeypatch.setitem(sys.modules, name, module)
    assert ray_session.head() == expected


def test_the_silence_of_a_head_counts_anew_with_each_work(
    nothing: tuple[_RayOfNothing, Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have answered all the time in which nothing was handed out."""
    _, hands = nothing
    hands._headless_since = time.monotonic() - 2 * cluster.HEADLESS
    looks = iter([False, True])
    monkeypatch.setattr(ray_session, "answers", lambda address: next(looks, True))
    assert _numbers(hands, 5) == list(range(5)) and next(looks, None) is None


def test_without_its_adapter_a_generation_is_not_taken_for_the_base(
    nothing: tuple[_RayOfNothing, Cluster], tmp_path: Path
) -> None:
    _, hands = nothing
    with pytest.raises(UserError, match="the adapter is missing"):
        _numbers(hands, 1, tmp_path)
