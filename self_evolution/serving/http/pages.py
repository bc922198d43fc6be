"""The pages of the service: templates filled on the server, files from the package alone."""

from __future__ import annotations

import shlex
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from self_evolution import config
from self_evolution.evaluation.tasks import MODES
from self_evolution.ledger.feedback import LONGEST
from self_evolution.progress import clock
from self_evolution.serving.http import languages
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.run_api import run_state
from self_evolution.serving.progress import read_progress

FOLDER = Path(__file__).parents[1] / "page"
"""`templates/` and `static/`, which is served at `/static`."""

THEME = "theme"
"""The cookie with the choice of light or dark; without it, the browser's own counts."""


def static() -> StaticFiles:
    return StaticFiles(directory=FOLDER / "static")


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def index(request: Request) -> Response:
        return page(
            request,
            "ask.html",
            run=desk.run.folder.name,
            domain=desk.run.config.domain.name,
            longest=LONGEST,
        )

    @router.get("/run")
    async def run(request: Request) -> Response:
        state, progress = await desk.read(lambda: (run_state(desk), read_progress(desk.run)))
        name = desk.run.folder.name
        return page(
            request,
            "run.html",
            run=name,
            folder=shlex.quote(str(desk.run.folder)),
            state=state,
            progress=progress,
            clock=clock,
            modes=MODES,
        )

    @router.get("/review")
    async def review(request: Request) -> Response:
        return page(request, "review.html", run=desk.run.folder.name, longest=LONGEST)

    @router.get("/report")
    async def report() -> Response:
        """The report as it would be written now. It brings its own style, and no script."""
        policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        headers = {"Content-Security-Policy": f"{policy}; frame-ancestors 'none'"}
        return HTMLResponse(await desk.read(lambda: _report(desk)), headers=headers)

    return router


def _report(desk: Desk) -> str:
    from self_evolution.report.facts import gather
    from self_evolution.report.render import html

    run = desk.run
    with run.snapshot():
        facts = gather(config.parse(run.ledger.meta("settings"), str(run.folder)), run.ledger)
    return html.render(facts)


def page(request: Request, name: str, status: int = 200, **values: Any) -> Response:
    """A template with its values; everything in them is text, not HTML."""
    language = languages.wanted(request)
    theme = request.cookies.get(THEME, "")
    values |= {
        "language": language,
        "languages": languages.LANGUAGES,
        "theme": theme if theme in ("light", "dark") else "",
        "words": languages.words(language),
    }
    text = _templates().get_template(name).render(values)
    return HTMLResponse(text, status, {"Vary": "Accept-Language, Cookie"})


@cache
def _templates() -> Any:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
