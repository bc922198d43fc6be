"""JSON on standard output, or in a file that appears under its name once it is complete."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from self_evolution.errors import UserError


@contextmanager
def json_lines(output: str | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that writes a row as a line, to standard output (no name, or `-`) or to a file.

    The file is opened before the first row, so that one that cannot be written is found out early.
    A pipe or a device is written to directly. Raises UserError if writing fails.
    """
    if output in (None, "", "-"):
        yield lambda row: print(json.dumps(row, ensure_ascii=False))
        return
    target = Path(output or "").resolve()
    whole = target.is_file() or not target.exists()
    temporary = target.with_name(target.name + ".tmp") if whole else target
    try:
        file = temporary.open("w", encoding="utf-8")
    except OSError as error:
        raise UserError(f"--output {output}: {error.strerror}") from None

    def write(row: dict[str, Any]) -> None:
        try:
            print(json.dumps(row, ensure_ascii=False), file=file)
        except OSError as error:
            raise UserError(f"--output {output}: {error.strerror}") from None

    try:
        with file:
            yield write
        if whole:
            temporary.rename(target)
    finally:
        if whole:
            temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """One JSON value as a file. Raises UserError if writing fails."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
