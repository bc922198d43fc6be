"""`/api/progress`: how far the run is; another process may be at work on it."""

from __future__ import annotations

from fastapi import APIRouter

from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.problems import documented
from self_evolution.serving.progress import Progress, read_progress


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.get("/api/progress", responses=documented())
    async def progress() -> Progress:
        """What is at work, what is done and what is left; the last pairs and the last training."""
        return await desk.read(lambda: read_progress(desk.run))

    return router
