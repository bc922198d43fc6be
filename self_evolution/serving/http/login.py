"""Login by form: it changes the token for a cookie, so that a browser can use the service."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from self_evolution.serving.http.pages import page
from self_evolution.serving.http.security import COOKIE, Access, page_after_login

_MONTH = 30 * 24 * 3600


def routes(access: Access) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    async def form(request: Request) -> Response:
        return page(request, "login.html", wrong=False, to=_wanted(request))

    @router.post("/login")
    async def login(request: Request) -> Response:
        fields = parse_qs((await request.body()).decode("utf-8", "replace"))
        if not access.needs_token or not access.is_token(fields.get("token", [""])[0]):
            return page(request, "login.html", 403, wrong=True, to=_wanted(request))
        response = RedirectResponse(_wanted(request), 303)
        response.set_cookie(
            COOKIE,
            access.cookie,
            max_age=_MONTH,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    return router


def _wanted(request: Request) -> str:
    return page_after_login(request.query_params.get("to", ""))
