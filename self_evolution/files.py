"""Files and folders that appear under their name only when they are complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def complete(path: Path, *, concurrent: bool = False) -> Iterator[Path]:
    """Yield a path beside `path`; the file or folder written there is renamed to `path` at the end.

    It is synced to the disk before it is renamed. If the block raises, `path` stays as it was. With
    `concurrent`, several processes may write the same path at the same time. Without it, the files
    that a killed process left there are removed first. Raises OSError if the disk cannot store it.
    """
    name = f".{path.name}.{os.getpid()}.tmp" if concurrent else f"{path.name}.tmp"
    temporary = path.with_name(name)
    _remove(temporary)
    try:
        yield temporary
        for file in [temporary] if temporary.is_file() else temporary.rglob("*"):
            if file.is_file():
                with file.open("rb") as written:
                    os.fsync(written.fileno())
        if path.is_dir():
            _remove(path)
        temporary.replace(path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
