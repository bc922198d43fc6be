"""A cluster of machines that do jobs: Ray actors that hold an engine each.

This process hands out the jobs and alone keeps the results. An actor gets one job at a time, so a
slow machine delays its own job only. If an actor dies, another one is started in its place, and its
job is handed out again: a job gives the same result wherever it is done.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from self_evolution import meter
from self_evolution.config import Config
from self_evolution.errors import UserError, first_line
from self_evolution.models.adapter import missing
from self_evolution.models.cluster import ray_session
from self_evolution.models.cluster.actor import Actor, Adapter, Done, Introduction, facts
from self_evolution.models.jobs import Job
from self_evolution.models.protocols import Engine
from self_evolution.progress import interruptible

Result = TypeVar("Result")

AHEAD = 4
"""Jobs for each actor that are in work or done, and whose turn it is not yet."""

TRIES = 5
"""After this many actors have failed at a job, it is not handed out again."""

STARTS = 10
"""The run ends if this many actors in a row, for each actor wanted, die before they are ready."""

PATIENCE = 600.0
"""Seconds to wait for a first actor to be ready."""

FETCH = 60.0
"""Seconds in which a result that is there must have come."""

HEADLESS = 20.0
"""The run ends if the head has not answered for so many seconds."""

_LOOK = 5.0
"""Seconds between two looks at whether the head answers."""

_PAUSE = 0.5


@dataclass(eq=False)
class _Task:
    number: int
    job: Job[Any]
    tries: int = 0


@dataclass(eq=False)
class _Seat:
    """An actor: `pending` is Ray's reference to what it does at present, if it does anything."""

    actor: Any
    pending: Any
    node: str = ""
    task: _Task | None = None

    @property
    def ready(self) -> bool:
        return bool(self.node)


class Cluster:
    """Start actors on the cluster that the settings name. Raises UserError if that fails."""

    def __init__(self, settings: Config, engine: Engine, say: Callable[[str], None]) -> None:
        self._settings, self._say = settings, say
        self._facts = facts(settings.model, engine)
        say(f"connecting to the cluster {settings.cluster.address}")
        with interruptible():
            self._ray = ray_session.connect(settings.cluster)
        self._head = ray_session.head()
        self._looked = time.monotonic()
        self._headless_since: float | None = None
        self._sent: tuple[str, list[Any]] = ("", [])
        self._failed_starts = 0
        self._heard = time.monotonic()
        self._told = False
        self._seats: list[_Seat] = []
        try:
            wanted = settings.cluster.actors or ray_session.room(settings.cluster)
            self._seats += [self._start() for _ in range(wanted)]
        except BaseException:
            self.close()
            raise
        say(f"actors that hold the model are starting: {wanted}")

    def close(self) -> None:
        """End the actors, and the cluster too if it was started here."""
        self._seats = []
        ray_session.disconnect()

    def work(
        self, jobs: Iterator[Job[Result]], folder: Path | None, sha256: str
    ) -> Iterator[Result]:
        """Do jobs with the adapter in `folder`, and yield the results in the order of the jobs.

        Raises UserError, with the node and the cause, if a job fails again and again.
        """
        self._headless_since = None  # nobody has looked since the work before
        self._look_at_the_head()
        adapter = self._send(folder, sha256)
        self._heard = time.monotonic()
        waiting: deque[_Task] = deque()
        done: dict[int, Result] = {}
        taken = given = 0
        more = True
        try:
            while more or given < taken:
                if reading := more and taken - given < AHEAD * len(self._seats):
                    job = next(jobs, None)
                    if job is None:
                        more = False
                        continue
                    waiting.append(_Task(taken, job))
                    taken += 1
                self._hand_out(waiting, adapter, sha256)
                self._collect(waiting, done, 0.0 if reading else _PAUSE)
                while given in done:
                    yield done.pop(given)
                    given += 1
        finally:
            for seat in self._seats:
                seat.task = None  # a result that comes later is of no use to anybody

    def _send(self, folder: Path | None, sha256: str) -> list[Any]:
        if folder is None:
            return []
        if not sha256 or not folder.is_dir():
            raise missing(folder)
        if self._sent[0] != sha256:
            files = {one.name: one.read_bytes() for one in folder.iterdir() if one.is_file()}
            self._sent = (sha256, [self._ray.put(Adapter(sha256, files))])
        return self._sent[1]

    def _start(self) -> _Seat:
        options = ray_session.options(self._settings.cluster)
        model = ray_session.model(self._settings)
        actor = self._ray.remote(Actor).options(**options).remote(model)
        return _Seat(actor, actor.introduce.remote())

    def _hand_out(self, waiting: deque[_Task], adapter: list[Any], sha256: str) -> None:
        for seat in self._seats:
            if waiting and seat.ready and seat.pending is None:
                seat.task = waiting.popleft()
                seat.pending = seat.actor.do.remote(seat.task.job, adapter, sha256)

    def _collect(self, waiting: deque[_Task], done: dict[int, Any], timeout: float) -> None:
        """Take what has come within `timeout` seconds: results, actors that are ready, failures."""
        seats = {seat.pending: seat for seat in self._seats if seat.pending is not None}
        with interruptible():
            came, _ = self._ray.wait(list(seats), num_returns=1, timeout=timeout)
        for reference in came:
            seat = seats[reference]
            try:
                with interruptible():
                    found = self._ray.get(reference, timeout=FETCH)
            except Exception as error:  # whatever an actor, its machine or the network fails with
                self._replace(seat, waiting, error)
                continue
            self._heard = time.monotonic()
            seat.pending = None
            if isinstance(found, Introduction):
                self._welcome(seat, found)
            elif found is not None:  # else it only said that it is there
                self._take(seat, found, done)
        self._look_at_the_clock()
        if time.monotonic() - self._looked > _LOOK:
            self._look_at_the_head(wait=False)

    def _welcome(self, seat: _Seat, found: Introduction) -> None:
        if found.mistake:
            raise UserError(f"--cluster.address: node {found.node}: {found.mistake}")
        for name, mine in self._facts.items():
            if (theirs := found.facts.get(name, "nothing")) != mine:
                raise UserError(
                    f"--cluster.address: node {found.node} has other results: {name} is "
                    f"{theirs[:80]} there and {mine[:80]} here; install the same versions and "
                    "copy the same model to each node"
                )
        seat.node, self._failed_starts = found.node, 0

    def _take(self, seat: _Seat, found: Done, done: dict[int, Any]) -> None:
        task, seat.task = seat.task, None
        if task is None:
            return
        if found.mistake:
            raise UserError(found.mistake)
        meter.elsewhere(found.tokens)
        meter.cost_elsewhere(found.cpu_seconds, found.memory)
        done[task.number] = found.result

    def _replace(self, seat: _Seat, waiting: deque[_Task], error: Exception) -> None:
        """Start another actor in the place of one that failed, and hand out its job again.

        Often a whole node is gone. So the idle actors are asked whether they are there before they
        get a job: one that was dead before it got the job must not count as a try of that job.
        """
        cause = first_line(getattr(error, "cause", None) or error)
        if task := seat.task:
            task.tries += 1
            if task.tries == TRIES:
                raise UserError(
                    f"--cluster.address: {TRIES} actors failed at the same batch, the last one on "
                    f"node {seat.node}: {cause}; look at Ray's log there, and at its memory"
                )
            waiting.appendleft(task)
            self._say(f"an actor on {seat.node} failed, its batch is handed out again: {cause}")
        elif not seat.ready:
            self._failed_starts += 1
            if self._failed_starts == STARTS * len(self._seats):
                raise UserError(
                    f"--cluster.address: {self._failed_starts} actors in a row died before the "
                    f"model was loaded; the last one: {cause}; look at Ray's log there"
                )
        self._look_at_the_head()
        self._ray.kill(seat.actor, no_restart=True)
        self._seats[self._seats.index(seat)] = self._start()
        for other in self._seats:
            if other.ready and other.pending is None:
                other.pending = other.actor.answer.remote()

    def _look_at_the_head(self, wait: bool = True) -> None:
        """Raise UserError if the head has not answered for a while: no actor can be started then.

        With `wait`, do not return before it answers.
        """
        if self._head is None:
            return
        while True:
            self._looked = time.monotonic()
            if ray_session.answers(self._head):
                self._headless_since = None
                return
            self._headless_since = self._headless_since or self._looked
            if (silent := time.monotonic() - self._headless_since) > HEADLESS:
                raise UserError(
                    f"--cluster.address: the head of the cluster, {self._head[0]}:{self._head[1]}, "
                    f"has not answered for {silent:.0f} s; start Ray again on all nodes and give "
                    "the same command: what was done before is kept"
                )
            if not wait:
                return
            with interruptible():
                time.sleep(_PAUSE)

    def _look_at_the_clock(self) -> None:
        """Say once that there is no actor yet, and give up in the end."""
        if any(seat.ready for seat in self._seats):
            self._told = False
            return
        silent = time.monotonic() - self._heard
        if silent > PATIENCE:
            raise UserError(
                f"--cluster.address: no actor was ready for {PATIENCE:.0f} s; "
                f"{ray_session.shortage(self._settings.cluster)}"
            )
        if silent > 30 and not self._told:
            self._told = True
            self._say(f"no actor is ready; {ray_session.shortage(self._settings.cluster)}")
