"""GGUF files as bases: each is kept once, as a folder of safetensors, in a cache.

A folder of the cache has the name `STEM-DIGEST` of its file. It is written under a temporary name
and renamed when it is complete, so a process that is killed leaves nothing under the final name.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from self_evolution.errors import UserError
from self_evolution.models.base.digest import sampled_digest
from self_evolution.progress import Progress, clock

SUFFIX = ".gguf"
PARTIAL = ".partial"
_SOURCE = "source.json"


class Entry(NamedTuple):
    """One entry of a cache; `source` is what it was made from, here the path of a GGUF file."""

    name: str
    source: str
    bytes: int
    used: float
    """Time of the last use, in seconds since 1970."""


def is_gguf(name: str) -> bool:
    """Whether a model's name is that of a GGUF file, which may be missing."""
    return name.lower().endswith(SUFFIX)


def cache_folder() -> Path:
    """The folder for all that can be made again: `SELF_EVOLUTION_CACHE`, or the system's own."""
    if own := os.environ.get("SELF_EVOLUTION_CACHE"):
        return Path(own).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser().absolute() / "self-evolution"


def models_folder() -> Path:
    return cache_folder() / "models"


def converted(file: Path) -> Path:
    """The folder with the model of a GGUF file; it is made if it is not in the cache.

    Raises UserError if there is no such file, or if it cannot be converted.
    """
    if not file.is_file():
        raise UserError(f"--model {file}: no such file")
    folder = models_folder() / f"{file.stem}-{sampled_digest(file)}"
    if not folder.is_dir():
        _make(file, folder)
    os.utime(folder)
    return folder


def entries() -> list[Entry]:
    """The models in the cache, the one that was used last first. Folders of others are left out."""
    found = []
    for folder in models_folder().glob("*"):
        if not folder.is_dir() or folder.name.endswith(PARTIAL):
            continue
        try:
            source = json.loads((folder / _SOURCE).read_text(encoding="utf-8"))["path"]
        except (OSError, ValueError, KeyError, TypeError):  # not ours, or damaged
            continue
        size = sum(path.stat().st_size for path in folder.iterdir())
        found.append(Entry(folder.name, source, size, folder.stat().st_mtime))
    return sorted(found, key=lambda entry: -entry.used)


def remove(name: str) -> None:
    """Remove the model with this name from the cache; it is made again when it is needed.

    Raises UserError if there is none.
    """
    if name not in {entry.name for entry in entries()}:
        there = ", ".join(entry.name for entry in entries()) or "none"
        raise UserError(f"{name}: not in the cache {models_folder()}; it has: {there}")
    with _locked():
        # Renamed first, so that a process that is killed leaves no half of it under its name.
        gone = models_folder() / f"{name}{PARTIAL}"
        shutil.rmtree(gone, ignore_errors=True)
        (models_folder() / name).rename(gone)
        shutil.rmtree(gone)


def _make(file: Path, folder: Path) -> None:
    progress = Progress()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder.parent}: {error.strerror}; SELF_EVOLUTION_CACHE names another folder for "
            "converted models"
        ) from None
    with _locked(progress):
        for left in folder.parent.glob(f"*{PARTIAL}"):  # of processes that were killed
            shutil.rmtree(left)
        if folder.is_dir():  # another process has made it in the meantime
            return
        from self_evolution.models.base.gguf_conversion import convert

        start = time.monotonic()
        progress.say(f"converting {file.name} to safetensors, once, in {folder}")
        partial = folder.with_name(folder.name + PARTIAL)
        partial.mkdir()
        try:
            convert(file, partial)
            source = json.dumps({"path": str(file.absolute())}, ensure_ascii=False)
            (partial / _SOURCE).write_text(source + "\n", encoding="utf-8")
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        size = sum(path.stat().st_size for path in folder.iterdir())
        progress.say(f"converted: {size / 1e6:,.0f} MB in {clock(time.monotonic() - start)}")


@contextmanager
def _locked(progress: Progress | None = None) -> Iterator[None]:
    """Keep other processes from changing the cache; the lock ends with the process."""
    handle = os.open(models_folder(), os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            (progress or Progress()).say("waiting for another process that converts a model")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
