"""`/api/progress`: how far the run is; another process may be at work on it."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from self_evolution import config
from self_evolution.schedule import STAGES, left, out_of_patience
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.problems import documented


class StageState(BaseModel):
    """A stage that has begun. `seconds` is its time so far, `note` what it has to say."""

    generation: int
    stage: str
    items: int
    seconds: float
    done: bool
    note: str


class Progress(BaseModel):
    """How far the run is.

    `state`: `unfinished`, `complete`, or `patience` if it ended early because too many generations
    in a row were not promoted. `generation` and `stage` are what comes next or is at work;
    `to_go` counts the stages that are left. `stages` are those that have begun, in order.
    """

    state: Literal["unfinished", "complete", "patience"]
    generations: int
    generation: int | None
    stage: str | None
    to_go: int
    stages: list[StageState]


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.get("/api/progress", responses=documented())
    async def progress() -> Progress:
        """The stages of the run: what is done, and what is left."""
        return await desk.read(lambda: read_progress(desk))

    return router


def read_progress(desk: Desk) -> Progress:
    """The state of the run at this moment."""
    run = desk.run
    with run.snapshot():
        # Another process may have changed the settings, such as the number of generations.
        settings = config.parse(run.ledger.meta("settings"), str(run.folder))
        place = {name: number for number, name in enumerate(STAGES)}
        begun = sorted(run.ledger.stages(), key=lambda row: (row.generation, place[row.name]))
        todo = left(settings, run.ledger)
        spent = out_of_patience(settings, run.ledger)
        return Progress(
            state="unfinished" if todo else "patience" if spent else "complete",
            generations=settings.generations,
            generation=todo[0][0] if todo else None,
            stage=todo[0][1] if todo else None,
            to_go=len(todo),
            stages=[
                StageState(
                    generation=row.generation,
                    stage=row.name,
                    items=row.items,
                    seconds=row.seconds,
                    done=bool(row.done),
                    note=row.note,
                )
                for row in begun
            ],
        )
