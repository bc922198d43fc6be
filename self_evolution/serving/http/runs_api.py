"""`/api/runs`: runs that are started from here, and the end of those at work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from self_evolution.run.process import ask_to_stop, is_running
from self_evolution.run.read import RunReader
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.problems import Given, Refusal, documented
from self_evolution.serving.http.uploading import Uploads, keep_upload
from self_evolution.serving.processes import Processes
from self_evolution.serving.progress import Progress, read_progress
from self_evolution.serving.starting import LONGEST_FILE_NAME, Starter, State

T = TypeVar("T")
NOT_OFFERED = (
    "no run can be started here: that needs a service that was started with --runs and --token-file"
)
NOT_CONTINUED = (
    "no run can be continued here: that needs a service that was started with --token-file"
)
_LOOK = 0.1
"""Seconds between two looks whether a process has begun."""
Word = Annotated[str, Field(max_length=4096)]
FileName = Annotated[str, Field(max_length=LONGEST_FILE_NAME)]


class RunRow(BaseModel):
    """A run that was started here.

    `state`: `starting` until its process has made the run, `running`, `stopped` (it may be
    complete), or `not begun` if the process ended before it had made the run.
    """

    name: str
    state: State


class RunRows(BaseModel):
    """The runs that were started here, and what a new one can be made of."""

    runs: list[RunRow]
    recipes: list[str]
    models: list[str]


class StartRequest(Given):
    """A new run. An empty `model` is that of the recipe; so are the documents, without `files`."""

    name: Word
    recipe: Word = "default"
    model: Word = ""
    files: Annotated[list[FileName], Field(max_length=1000, default_factory=list)]


class Upload(BaseModel):
    """The document is on the disk."""

    file: str
    bytes: int


class Stopping(BaseModel):
    """The process at work was asked to stop. It ends as soon as that is sound."""

    stopping: bool = True


class ContinueRequest(Given):
    """How many generations are made beside those that were planned."""

    further: Annotated[int, Field(ge=0, le=100)] = 0


class Continued(BaseModel):
    """A process was begun. If it cannot go on, the page of the run shows what it has printed."""

    continued: bool = True


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["state"])
    uploads = Uploads(desk.limits)

    @router.post("/api/run/stop", status_code=202, responses=documented(409, body=True))
    async def stop() -> Stopping:
        """Stop the process at work on the run that is served; `run` goes on with it later."""
        return await desk.attempt(lambda: _stop(desk.run))

    @router.post("/api/run/continue", status_code=202, responses=documented(409, body=True))
    async def go_on(given: ContinueRequest) -> Continued:
        """Go on with the run that is served, in a process of its own."""
        processes = continued_with(desk)
        return await _continue(desk, desk.run, lambda: processes.go_on(desk.run, given.further))

    @router.get("/api/runs", responses=documented())
    async def runs() -> RunRows:
        """The runs that were started here."""
        starter = started_with(desk)
        return await desk.read(lambda: _rows(starter))

    @router.post("/api/runs/start", status_code=201, responses=documented(409, body=True))
    async def start(given: StartRequest) -> RunRow:
        """Start a run, in a process of its own."""
        starter = started_with(desk)
        await desk.attempt(
            lambda: starter.start(given.name, given.recipe, given.model, given.files)
        )
        return RunRow(name=given.name, state="starting")

    @router.post(
        "/api/runs/{name}/documents", status_code=201, responses=documented(409, body=True)
    )
    async def upload(
        request: Request, name: str, file: Annotated[str, Query(max_length=1000)]
    ) -> Upload:
        """Keep a document for a run that is to be started: the body is the file."""
        starter = started_with(desk)
        path, size = await keep_upload(desk, uploads, starter, request, name, file)
        return Upload(file=path.name, bytes=size)

    @router.get("/api/runs/{name}/progress", responses=documented(404))
    async def progress(name: str) -> Progress:
        """How far a run is that was started here."""
        run = await reader(desk, name)
        return await desk.read(lambda: read_progress(run))

    @router.post(
        "/api/runs/{name}/stop", status_code=202, responses=documented(404, 409, body=True)
    )
    async def stop_started(name: str) -> Stopping:
        """Stop a run that was started here."""
        run = await reader(desk, name)
        return await desk.attempt(lambda: _stop(run))

    @router.post(
        "/api/runs/{name}/continue", status_code=202, responses=documented(404, 409, body=True)
    )
    async def continue_started(name: str, given: ContinueRequest) -> Continued:
        """Go on with a run that was started here."""
        run, starter = await reader(desk, name), started_with(desk)
        return await _continue(desk, run, lambda: starter.go_on(run, given.further))

    return router


def started_with(desk: Desk) -> Starter:
    """What starts runs. Raises Refusal (403) where that is not offered."""
    if desk.starter is None:
        raise Refusal(403, NOT_OFFERED, "not_offered")
    return desk.starter


def continued_with(desk: Desk) -> Processes:
    """What goes on with runs. Raises Refusal (403) where that is not offered."""
    if desk.processes is None:
        raise Refusal(403, NOT_CONTINUED, "not_offered")
    return desk.processes


async def reader(desk: Desk, name: str) -> RunReader:
    """A run that was started here. Raises Refusal (404) if there is none of that name."""
    starter = started_with(desk)
    if (found := await desk.read(lambda: starter.reader(name))) is None:
        raise Refusal(404, "no run of this name was begun here", "run_not_found")
    return found


def _stop(run: RunReader) -> Stopping:
    if not ask_to_stop(run.folder):
        raise Refusal(409, "no process is at work on this run", "not_running")
    return Stopping()


async def _continue(desk: Desk, run: RunReader, begin: Callable[[], None]) -> Continued:
    """Begin a process on the run, and wait until it is at work, or has ended."""
    processes, folder = continued_with(desk), run.folder

    def free() -> None:
        if desk.starter:
            desk.starter.check_free()
        begin()

    await desk.attempt(free)
    while not is_running(folder) and processes.is_alive(folder):
        await asyncio.sleep(_LOOK)
    return Continued()


def _rows(starter: Starter) -> RunRows:
    return RunRows(
        runs=[RunRow(name=one.name, state=one.state) for one in starter.runs()],
        recipes=starter.recipes,
        models=starter.models,
    )
