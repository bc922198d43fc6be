"""JSON on standard output, or in a file that appears under its name once it is complete."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from self_evolution.errors import UserError
from self_evolution.files import complete


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
    device = target.exists() and not target.is_file()
    try:
        with (
            nullcontext(target) if device else complete(target) as path,
            path.open("w", encoding="utf-8") as file,
        ):
            yield lambda row: print(json.dumps(row, ensure_ascii=False), file=file)
    except OSError as error:
        raise UserError(f"--output {output}: {error.strerror}") from None


def write_json(path: Path, value: Any) -> None:
    """One JSON value as a file. Raises UserError if writing fails."""
    try:
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
        with complete(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
