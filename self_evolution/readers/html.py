"""HTML, turned into Markdown by markdownify so that headings and tables stay what they are."""

from __future__ import annotations

from self_evolution.readers import markdown
from self_evolution.readers.base import Part


def read(content: str) -> tuple[str, list[Part]]:
    """Sections of the page's visible text; its <title>, if it has one, is the title."""
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    page = BeautifulSoup(content, "html.parser")
    title = page.title.get_text(" ", strip=True) if page.title else ""
    for hidden in page(["script", "style", "head", "nav", "template"]):
        hidden.decompose()
    converter = MarkdownConverter(
        heading_style="ATX",
        strip=["a", "img"],
        # The text goes to a model, not to a renderer: pump_a must not become pump\_a.
        escape_misc=False,
        escape_underscores=False,
        escape_asterisks=False,
    )
    first, parts = markdown.read(converter.convert_soup(page))
    return title or first, parts
