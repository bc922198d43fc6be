"""What all pages share: their templates and style, and how they come onto the disk."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from self_evolution.errors import UserError
from self_evolution.report import words

if TYPE_CHECKING:
    import jinja2

HERE = Path(__file__).parent
CHART_STYLE = HERE / "chart.css"


def environment() -> jinja2.Environment:
    """Templates that escape whatever comes from documents, models and settings."""
    import jinja2

    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    found.filters["keep"] = words.keep
    found.globals["words"] = words
    styles = (CHART_STYLE, HERE / "style.css")
    found.globals["style"] = "".join(path.read_text(encoding="utf-8") for path in styles)
    return found


def put(page: Path, html: str) -> None:
    """Write the page beside its place and rename it, so that it is whole at any moment.

    Raises UserError if the disk does not take it.
    """
    temporary = page.with_name(f".{page.name}.{os.getpid()}.tmp")
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(html, encoding="utf-8", errors="replace")
        temporary.replace(page)
    except OSError as error:
        raise UserError(
            f"{page}: {error.strerror}; the run itself is safe, the same command writes the page "
            "again"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
