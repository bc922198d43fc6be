"""Plain text: sections along underlined headings, as people write them in text files."""

from __future__ import annotations

from self_evolution.readers import markdown
from self_evolution.readers.base import Part


def read(content: str) -> tuple[str, list[Part]]:
    """Underlined headings mean the same in text files as in Markdown."""
    return markdown.read(content)
