"""The file of an adapter, and the digest by which a run recognises it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from self_evolution.errors import UserError


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def missing(folder: Path) -> UserError:
    """The error for a folder without an adapter."""
    return UserError(f"{folder}: the adapter is missing; start a new run, or restore the folder")


def require_adapter(folder: Path, file: str, sha256: str) -> None:
    """Raises UserError if `folder` has no adapter file, or one with another digest (empty: any)."""
    if not (folder / file).is_file():
        raise missing(folder)
    if sha256 and digest(folder / file) != sha256:
        raise UserError(
            f"{folder}: {file} is not the adapter that this run trained; restore the folder, or "
            "start a new run"
        )
