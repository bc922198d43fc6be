"""Jupyter notebooks: their text as Markdown, with the code and what it printed as blocks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from self_evolution.documents.readers.base import Content, Malformed, fence
from self_evolution.documents.readers.encoding import decode
from self_evolution.documents.readers.plain import markdown

_FENCE = re.compile(r"^ {0,3}(```+|~~~+)", re.MULTILINE)
_TERMINAL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def read(data: bytes) -> Content:
    """The cells of a notebook in order; pictures and error messages are left out.

    Raises Malformed for what is no notebook.
    """
    try:
        book = json.loads(decode(data))
    except ValueError as error:
        raise Malformed(f"no notebook: it is not valid JSON ({error})") from None
    book = book if isinstance(book, dict) else {}
    sheets = book.get("worksheets", [book])  # before version 4
    cells = [cell for sheet in sheets for cell in sheet.get("cells") or ()]
    if not cells:
        raise Malformed("no notebook: it has no cells")
    language = _language(book)
    texts = [text for cell in cells if isinstance(cell, dict) for text in _texts(cell, language)]
    return markdown.read("\n\n".join(texts).encode("utf-8", errors="replace"))


def _texts(cell: Mapping[str, Any], language: str) -> Iterator[str]:
    """A cell as blocks of Markdown."""
    kind = cell.get("cell_type")
    text = _joined(cell.get("source", cell.get("input")))
    if kind == "code":
        yield from _block(text, str(cell.get("language", language)))
        for output in cell.get("outputs", ()):
            yield from _output(output if isinstance(output, dict) else {})
    elif kind == "heading":
        yield f"{'#' * int(cell.get('level', 1))} {' '.join(text.split())}"
    elif kind == "markdown":
        marks = _FENCE.findall(text)
        yield text + (f"\n{marks[-1]}" if len(marks) % 2 else "")  # not over the next cells
    else:
        yield from _block(text)


def _output(output: Mapping[str, Any]) -> Iterator[str]:
    """Return the text that a cell printed or returned."""
    shown = output.get("data", output)  # before version 4, in the output itself
    if isinstance(shown, dict):
        if rich := _joined(shown.get("text/markdown", shown.get("text/latex"))):
            yield rich
        else:
            yield from _block(_joined(shown.get("text/plain", shown.get("text"))))


def _block(text: str, language: str = "") -> Iterator[str]:
    if text.strip():
        yield fence(_TERMINAL.sub("", text), language)


def _joined(text: Any) -> str:
    """The text of a field, which is one text or a list of lines."""
    return "".join(map(str, text)) if isinstance(text, list) else text if text else ""


def _language(book: Mapping[str, Any]) -> str:
    """The language of the code, as the notebook names it."""
    about = book.get("metadata") or {}
    named = [about.get(key) or {} for key in ("language_info", "kernelspec")]
    found = [str(one.get(key, "")) for one, key in zip(named, ("name", "language"), strict=True)]
    return next((name for name in found if re.fullmatch(r"[\w+#]+", name)), "")
