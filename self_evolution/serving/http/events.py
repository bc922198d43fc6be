"""Server-sent events, with which both APIs stream."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, aclosing
from typing import Any

from self_evolution.serving.http.problems import Refusal

STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `stream`, events as they come.",
        "content": {"text/event-stream": {}},
    }
}
"""The description of a route that streams if it is asked to."""


def event(name: str, value: Any) -> str:
    """One event, which has a name and a value in JSON."""
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"


async def stream(
    events: AsyncIterator[str], held: AbstractContextManager[Any], named: bool = False
) -> AsyncIterator[str]:
    """The events; `held` is given back at their end, or when the client leaves.

    An error after the beginning is the last event: it comes too late for a status.
    """
    with held:
        async with aclosing(events) as all_events:  # type: ignore[type-var]
            try:
                async for one in all_events:
                    yield one
            except Refusal as refusal:
                if named:
                    yield event("error", refusal.body)
                else:
                    yield f"data: {json.dumps(refusal.body)}\n\n"
