"""The application: its routes, and the errors in one shape."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from self_evolution import __version__
from self_evolution.serving.http import (
    ask_api,
    feedback_api,
    login,
    openai_api,
    pages,
    progress_api,
    review_api,
    run_api,
    runs_api,
    state_api,
    why_api,
)
from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.problems import Refusal
from self_evolution.serving.http.security import Access


def make_app(desk: Desk, access: Access) -> FastAPI:
    """The application; `Guard` is to be put around it, and checks each request first."""
    app = FastAPI(
        title="Self-Evolution",
        version=__version__,
        summary="A tuned model that answers questions about the documents of its run",
        docs_url=None,
        redoc_url=None,
    )
    apis = (openai_api, ask_api, why_api, feedback_api, review_api)
    states = (run_api, runs_api, progress_api, state_api)
    for module in (*apis, *states, pages):
        app.include_router(module.routes(desk))
    app.include_router(login.routes(access))
    app.mount("/static", pages.static())
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.openapi = lambda: _description(app)  # type: ignore[method-assign]
    return app


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return JSONResponse(error.body, error.status, error.headers)


async def _invalid(request: Request, error: Exception) -> Response:
    """Say what is wrong where; what was sent is not repeated."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part != "body")
    message = f"{place}: {first['msg']}" if place else str(first["msg"])
    return await _refusal(request, Refusal(400, message, "invalid_value", param=place or None))


async def _http(request: Request, error: Exception) -> Response:
    """What the framework refuses: no such route or method, a body that is not JSON."""
    assert isinstance(error, HTTPException)
    return await _refusal(request, Refusal(error.status_code, error.detail, None, error.headers))


def _description(app: FastAPI) -> dict[str, Any]:
    """The description in OpenAPI, without the answer 422, which the service never gives."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes
        )
        for path in made["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            made.get("components", {}).get("schemas", {}).pop(name, None)
        app.openapi_schema = made
    return app.openapi_schema
