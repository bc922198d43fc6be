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
from self_evolution.evaluation.reviews import PAIRS, QUESTIONS
from self_evolution.evaluation.tasks import MODES
from self_evolution.ledger.feedback import LONGEST
from self_evolution.progress import clock
from self_evolution.run.read import RunReader
from self_evolution.serving.http import languages
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.run_api import run_state
from self_evolution.serving.http.runs_api import reader, started_with
from self_evolution.serving.progress import read_progress
from self_evolution.text.counts import rounded

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
        return await desk.read(lambda: _run(request, desk, desk.run, "/run", "/report"))

    @router.get("/runs")
    async def runs(request: Request) -> Response:
        starter = desk.starter
        return await desk.read(
            lambda: page(
                request,
                "runs.html",
                run=desk.run.folder.name,
                offered=starter is not None,
                runs=starter.runs() if starter else [],
                recipes=starter.recipes if starter else [],
                models=starter.models if starter else [],
                limits=desk.limits,
            )
        )

    @router.get("/runs/{name}")
    async def started(request: Request, name: str) -> Response:
        """A run that was started here; before it has begun, what its process prints."""
        starter = started_with(desk)
        log = await desk.read(lambda: starter.log(name))
        if log is None:
            await reader(desk, name)  # raises Refusal if there is no such run
        found, state = await desk.read(lambda: (starter.reader(name), starter.state(name)))
        here = f"/runs/{name}"
        return await desk.read(
            lambda: _run(request, desk, found, here, f"{here}/report", state, log, name)
        )

    @router.get("/review")
    async def review(request: Request) -> Response:
        return _review(request, desk, PAIRS)

    @router.get("/review/questions")
    async def review_questions(request: Request) -> Response:
        return _review(request, desk, QUESTIONS)

    @router.get("/report")
    async def report() -> Response:
        return await desk.read(lambda: _report(desk.run))

    @router.get("/runs/{name}/report")
    async def report_of_started(name: str) -> Response:
        run = await reader(desk, name)
        return await desk.read(lambda: _report(run))

    return router


def _review(request: Request, desk: Desk, kind: str) -> Response:
    folder = desk.run.folder
    return page(
        request,
        "review.html",
        run=folder.name,
        kind=kind,
        folder=shlex.quote(str(folder)),
        longest=LONGEST,
    )


def _run(
    request: Request,
    desk: Desk,
    run: RunReader | None,
    here: str,
    report: str,
    state: str = "",
    log: str | None = None,
    name: str = "",
) -> Response:
    """The page of a run. `state` and `log` are those of the process, if it was begun here."""
    if run is None:
        own = desk.run.folder.name
        return page(request, "starting.html", run=own, shown=name, state=state, log=log)
    progress = read_progress(run)
    if log is None and desk.processes:
        log = desk.processes.log(run.folder)
    failed = desk.processes is not None and desk.processes.failed(run.folder)
    quiet = progress.running or (progress.state != "unfinished" and not failed)
    return page(
        request,
        "run.html",
        run=desk.run.folder.name,
        shown=run.folder.name,
        folder=shlex.quote(str(run.folder)),
        state=run_state(run),
        progress=progress,
        continues=desk.processes is not None,
        clock=clock,
        modes=MODES,
        at=here,
        report=report,
        log="" if quiet else log,
    )


def _report(run: RunReader) -> Response:
    """The report as it would be written now. It brings its own style, and no script."""
    from self_evolution.report.facts import gather
    from self_evolution.report.render import html

    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    headers = {"Content-Security-Policy": f"{policy}; frame-ancestors 'none'"}
    with run.snapshot():
        facts = gather(config.parse(run.ledger.meta("settings"), str(run.folder)), run.ledger)
    return HTMLResponse(html.render(facts), headers=headers)


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

    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    found.filters["rounded"] = rounded
    return found
