"""`/health` and `/metrics`: for programs that watch the service."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.metrics import CONTENT_TYPE
from self_evolution.serving.http.problems import documented


class Health(BaseModel):
    """The service answers questions."""

    status: Literal["ok"] = "ok"


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["state"])

    @router.get("/health", responses=documented())
    async def health() -> Health:
        """Whether the service is up. While it is ending, it answers 503."""
        return Health()

    @router.get(
        "/metrics",
        response_class=Response,
        responses=documented()
        | {
            200: {
                "description": "Counters",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
    )
    async def metrics() -> Response:
        """What the service counts, in the text format of Prometheus."""
        return Response(await desk.read(desk.metrics.text), media_type=CONTENT_TYPE)

    return router
