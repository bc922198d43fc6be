"""The parts that all pages share: templates, style, and how a page is written to the disk."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from self_evolution.errors import UserError
from self_evolution.files import complete
from self_evolution.report.render import words
from self_evolution.text.counts import many

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).parents[1] / "templates"
CHART_STYLE = TEMPLATES / "chart.css"


def environment(**settings: Any) -> jinja2.Environment:
    """Templates with `words`; HTML ones escape what comes from documents, models and settings."""
    import jinja2

    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        **({"autoescape": True} | settings),
    )
    found.filters |= {"keep": words.keep, "found": words.passage_found}
    found.globals |= {"words": words, "many": many}
    return found


_of_pages = cache(environment)  # so that each template is compiled once a process


def html(template: str, **values: Any) -> str:
    """A page with the style in it."""
    styles = (CHART_STYLE, TEMPLATES / "style.css")
    style = "".join(path.read_text(encoding="utf-8") for path in styles)
    return _of_pages().get_template(template).render(style=style, **values) + "\n"


def put(page: Path, text: str) -> None:
    """Write the page, which is complete at any moment. Raises UserError if the disk is full."""
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        with complete(page, concurrent=True) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(
            f"{page}: {error.strerror}; the run itself is safe, the same command writes it again"
        ) from None
