"""The pages of the service: templates filled on the server, files from the package alone."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from self_evolution.serving.http.asking import Desk

FOLDER = Path(__file__).parents[1] / "page"
"""`templates/` and `static/`, which is served at `/static`."""


def static() -> StaticFiles:
    return StaticFiles(directory=FOLDER / "static")


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def index() -> Response:
        return page("index.html", run=desk.run.folder.name)

    return router


def page(name: str, status: int = 200, **values: Any) -> Response:
    """A template with its values; everything in them is text, not HTML."""
    return HTMLResponse(_templates().get_template(name).render(values), status)


@cache
def _templates() -> Any:
    import jinja2

    loader = jinja2.FileSystemLoader(FOLDER / "templates")
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
