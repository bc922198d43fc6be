"""Errors of the service, all in the shape that OpenAI's clients know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class Given(BaseModel):
    """A part of the body of a request: a number is not given as a text, nor the other way."""

    model_config = ConfigDict(strict=True)


class Problem(BaseModel):
    """What is wrong: for people, and for programs."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ProblemAnswer(BaseModel):
    """The body of every response that is an error."""

    error: Problem


class Refusal(Exception):
    """A request that is not served; the message goes to the client."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        kind = "server_error" if status >= 500 else "invalid_request_error"
        self.problem = Problem(
            message=message, type=_TYPES.get(status, kind), code=code, param=param
        )

    @property
    def body(self) -> dict[str, Any]:
        """The error as the body of a response, or as an event of a stream."""
        return ProblemAnswer(error=self.problem).model_dump()


_MEANINGS = {
    400: "The request is not valid: the message says what is wrong with which part of it.",
    401: "The token is missing or wrong.",
    403: "The Host or Origin of the request is not that of the service, or this is not offered.",
    404: "There is no such model, document, passage or page.",
    408: "The request took too long to arrive.",
    409: "What is asked for does not fit the present state: the message says why.",
    413: "The request is too large.",
    415: "The body is not JSON (or, where a file is expected, a file), or is not said to be.",
    429: "Too many questions wait; `Retry-After` says when to try again.",
    500: "An error inside the service. Its log says more.",
    503: "The service is ending, a file of the run is missing, or the disk takes no more.",
    504: "The answer took too long.",
}
_ALWAYS = (400, 401, 403, 500, 503)
_BODY = (408, 413, 415)
ASKING = (404, 429, 504)
"""Statuses of a request that asks the model, beside those of every request with a body."""


def documented(*more: int, body: bool = False) -> dict[int | str, dict[str, Any]]:
    """The errors that a route may answer with, for its description in OpenAPI."""
    statuses = {*_ALWAYS, *more, *(_BODY if body else ())}
    return {
        status: {"model": ProblemAnswer, "description": _MEANINGS[status]}
        for status in sorted(statuses)
    }
