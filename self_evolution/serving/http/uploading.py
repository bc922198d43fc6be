"""Documents for a new run: each is written beside the others, and together they keep the limits."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from self_evolution.serving.http.asking import Desk
from self_evolution.serving.http.guard import too_large
from self_evolution.serving.http.limits import Limits
from self_evolution.serving.http.problems import Refusal
from self_evolution.serving.starting import Starter, file_name


class Coming:
    """A document on its way, with the bytes that have come."""

    def __init__(self, name: str) -> None:
        self.name, self.size = name, 0


class Uploads:
    """Counts what the folders of new runs have, and what is on its way to them at the same time.

    Its methods may be called by any thread.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._kept: dict[Path, dict[str, int]] = {}
        self._coming: dict[Path, list[Coming]] = {}

    def begin(self, path: Path) -> Coming:
        """Count a document that is to be written there. Raises Refusal (413) if there are too many.

        `end` must follow.
        """
        folder = path.parent
        with self._lock:
            if folder not in self._coming:  # else it is counted already, with what is half written
                self._kept[folder] = {one.name: one.stat().st_size for one in folder.iterdir()}
                self._coming[folder] = []
            coming = self._coming[folder]
            coming.append(one := Coming(path.name))
            if len({*self._kept[folder], *(other.name for other in coming)}) > self._limits.files:
                self._forget(folder, one)
                raise Refusal(413, f"a run takes at most {self._limits.files:,} documents here")
            return one

    def take(self, folder: Path, one: Coming, size: int) -> None:
        """Count more bytes of a document. Raises Refusal (413) if it is, or all are, too large."""
        limits = self._limits
        with self._lock:
            one.size += size
            if one.size > limits.file:
                raise too_large(limits.file)
            kept = sum(size for name, size in self._kept[folder].items() if name != one.name)
            if kept + sum(other.size for other in self._coming[folder]) > limits.upload:
                raise Refusal(413, f"a run takes at most {limits.upload:,} bytes of documents here")

    def end(self, folder: Path, one: Coming, kept: bool) -> None:
        """The document is complete, or nothing is left of it."""
        with self._lock:
            if kept:
                self._kept[folder][one.name] = one.size
            self._forget(folder, one)

    def _forget(self, folder: Path, one: Coming) -> None:
        self._coming[folder].remove(one)
        if not self._coming[folder]:
            del self._coming[folder], self._kept[folder]


async def keep_upload(
    desk: Desk, uploads: Uploads, starter: Starter, request: Request, name: str, file: str
) -> tuple[Path, int]:
    """Write the body to the folder of the run's documents, where it appears when it is complete.

    Returns its path and its size. Raises Refusal for what the client can mend.
    """

    def target() -> Path:
        own = file_name(file)  # before a folder is made
        return starter.documents(name) / own

    path = await desk.attempt(target)
    one = await desk.attempt(lambda: uploads.begin(path))
    kept = False
    try:
        part = await desk.attempt(lambda: _part(path.parent))
        try:
            async for chunk in request.stream():
                uploads.take(path.parent, one, len(chunk))
                await desk.attempt(lambda chunk=chunk: part.write(chunk))  # type: ignore[misc]
            await desk.attempt(lambda: _write_out(part))
            await desk.attempt(lambda: starter.keep(name, Path(part.name), path))
            kept = True
        except ClientDisconnect:
            raise Refusal(400, "the connection ended before the body") from None
        finally:
            # It has its name, or nothing of it is needed. On a full disk, `close` fails too.
            with suppress(OSError):
                part.close()
            with suppress(OSError):
                Path(part.name).unlink()
    finally:
        uploads.end(path.parent, one, kept)
    return path, one.size


def _part(folder: Path) -> Any:
    return NamedTemporaryFile(dir=folder, prefix=".part-", delete=False)


def _write_out(part: Any) -> None:
    part.flush()
    os.fsync(part.fileno())
