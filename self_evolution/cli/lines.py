"""JSON lines on standard output, or in a file that is there once it is whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from self_evolution.errors import UserError


@contextmanager
def json_lines(output: str | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that writes a row as a line, to standard output or to a file.

    The file is there under its name once it is complete; that it can be written is found out first.
    """
    if not output:
        yield lambda row: print(json.dumps(row, ensure_ascii=False))
        return
    temporary = Path(output + ".tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            yield lambda row: print(json.dumps(row, ensure_ascii=False), file=file)
        temporary.rename(output)
    except OSError as error:
        raise UserError(f"--output {output}: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
