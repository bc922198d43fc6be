"""A page for one document: its fragments as they were cut, with what is known of each."""

from __future__ import annotations

import re
from pathlib import Path

from self_evolution.ledger import DocumentRow
from self_evolution.records import Fragment
from self_evolution.report.render.pages import html, put


def write(row: DocumentRow, fragments: list[Fragment], folder: Path) -> Path:
    """Write `folder/documents/NAME.html`; returns its path. Raises UserError if it cannot be."""
    document = row.document
    name = re.sub(r"[^\w.-]+", "-", document.path).strip("-.")
    name = name.encode()[-80:].decode(errors="ignore")  # file systems count bytes
    page = folder / "documents" / f"{name}-{document.id[:6]}.html"
    places = {fragment.id: number for number, fragment in enumerate(fragments, 1)}
    put(page, html("document.html.j2", row=row, fragments=fragments, places=places))
    return page
