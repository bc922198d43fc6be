"""Passages and where they stand, as both APIs show them."""

from __future__ import annotations

from collections.abc import Sequence

from self_evolution.serving.http.openai_shapes import Source
from self_evolution.serving.sources import Source as Found


def shown(found: Sequence[Found]) -> list[Source]:
    return [
        Source(
            fragment=one.fragment_id,
            document=one.document,
            heading=list(one.heading),
            page=one.page,
            opening=one.opening,
        )
        for one in found
    ]
