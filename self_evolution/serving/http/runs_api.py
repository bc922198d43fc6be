"""`/api/runs`: runs that are started from here, and the end of those at work."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from self_evolution.errors import UserError
from self_evolution.run.process import ask_to_stop
from self_evolution.run.read import RunReader
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.guard import too_large
from self_evolution.serving.http.problems import Given, Refusal, documented
from self_evolution.serving.progress import Progress, read_progress
from self_evolution.serving.starting import (
    LONGEST_FILE_NAME,
    Conflict,
    Starter,
    State,
    file_name,
)

T = TypeVar("T")
NOT_OFFERED = (
    "no run can be started here: that needs a service that was started with --runs and --token-file"
)
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


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.post("/api/run/stop", status_code=202, responses=documented(409, body=True))
    async def stop() -> Stopping:
        """Stop the process at work on the run that is served; `run` goes on with it later."""
        return await _tried(desk, lambda: _stop(desk.run))

    @router.get("/api/runs", responses=documented())
    async def runs() -> RunRows:
        """The runs that were started here."""
        starter = started_with(desk)
        return await desk.read(lambda: _rows(starter))

    @router.post("/api/runs/start", status_code=201, responses=documented(409, body=True))
    async def start(given: StartRequest) -> RunRow:
        """Start a run, in a process of its own."""
        starter = started_with(desk)
        await _tried(
            desk, lambda: starter.start(given.name, given.recipe, given.model, given.files)
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
        try:
            return await _upload(desk, starter, request, name, file)
        except OSError as error:  # the disk is full, or the folder was removed
            raise _no_disk(error) from None

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
        return await _tried(desk, lambda: _stop(run))

    return router


def started_with(desk: Desk) -> Starter:
    """What starts runs. Raises Refusal (403) where that is not offered."""
    if desk.starter is None:
        raise Refusal(403, NOT_OFFERED, "not_offered")
    return desk.starter


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


def _rows(starter: Starter) -> RunRows:
    return RunRows(
        runs=[RunRow(name=one.name, state=one.state) for one in starter.runs()],
        recipes=starter.recipes,
        models=starter.models,
    )


async def _tried(desk: Desk, work: Callable[[], T]) -> T:
    """Do work that the client may have asked for wrongly. Raises Refusal with what is wrong."""

    def tried() -> T:
        try:
            return work()
        except Conflict as error:
            raise Refusal(409, str(error), "conflict") from None
        except UserError as error:
            raise Refusal(400, str(error), "invalid_value") from None
        except OSError as error:
            raise _no_disk(error) from None

    return await desk.read(tried)


def _no_disk(error: OSError) -> Refusal:
    return Refusal(503, f"nothing was written: {error.strerror}", "disk")


async def _upload(desk: Desk, starter: Starter, request: Request, name: str, file: str) -> Upload:
    """Write the body to the folder of the run's documents; it appears there when it is complete."""

    def target() -> Path:
        own = file_name(file)  # before a folder is made
        return starter.documents(name) / own

    path = await _tried(desk, target)
    most = await _tried(desk, lambda: _room(desk, path))
    size = 0
    with NamedTemporaryFile(dir=path.parent, prefix=".part-", delete=False) as part:
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise too_large(most)
                await _tried(desk, lambda chunk=chunk: part.write(chunk))  # type: ignore[misc]
            await _tried(desk, lambda: _keep(part, path))
        except ClientDisconnect:
            raise Refusal(400, "the connection ended before the body") from None
        finally:
            with suppress(FileNotFoundError):
                Path(part.name).unlink()
    return Upload(file=path.name, bytes=size)


def _keep(part: Any, path: Path) -> None:
    part.flush()
    os.fsync(part.fileno())
    Path(part.name).replace(path)


def _room(desk: Desk, path: Path) -> int:
    """The bytes that this document may have. Raises Refusal (413) if there are too many."""
    limits = desk.limits
    others = [one for one in path.parent.iterdir() if one.name != path.name]
    if len(others) >= limits.files:
        raise Refusal(413, f"a run takes at most {limits.files:,} documents here")
    room = limits.upload - sum(one.stat().st_size for one in others)
    if room <= 0:
        raise Refusal(413, f"a run takes at most {limits.upload:,} bytes of documents here")
    return min(limits.file, room)
