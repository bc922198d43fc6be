"""The table of caches: what can be made again, and is kept to save time."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol, cast

CACHES: dict[str, str] = {"models": "self_evolution.models.gguf_cache"}
"""{name: module with the functions of `Cache`}."""


class Entry(Protocol):
    """One thing in a cache. `used`: time of the last use, in seconds since 1970."""

    @property
    def name(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def used(self) -> float: ...


class Cache(Protocol):
    def entries(self) -> Sequence[Entry]:
        """All that is in it."""

    def remove(self, name: str) -> None:
        """Remove an entry; it is made again when it is needed."""


def cache(name: str) -> Cache:
    return cast(Cache, importlib.import_module(CACHES[name]))
