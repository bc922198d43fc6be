"""The table of caches, which keep what can be made again, to save time."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

from self_evolution.models.base.gguf_cache import Entry

CACHES: dict[str, str] = {"models": "self_evolution.models.base.gguf_cache"}
"""{name: module with the functions of `Cache`}."""


class Cache(Protocol):
    """The module of a cache."""

    def entries(self) -> Sequence[Entry]:
        """All that is in it."""

    def remove(self, name: str) -> None:
        """Remove an entry; it is made again when it is needed."""


def cache(name: str) -> Cache:
    return cast(Cache, importlib.import_module(CACHES[name]))
