"""File formats. A reader takes a file's bytes and gives its title and parts, in order.

To add a format, write a function of the type `Reader` in a file of its own, and add a line to
READERS. docs/how-to-add.md explains it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from self_evolution.documents.readers.base import Builder, Content, Malformed, Part, storable

Reader = Callable[[bytes], Content]
"""Turns the bytes of a file into its content. Raises Malformed, which says what is wrong with
it."""


def _in(module: str, function: str = "read", *details: str) -> Reader:
    """A reader that is imported when the first file of its format comes.

    `details` are passed on to the function after the bytes.
    """

    def read(data: bytes) -> Content:
        reader = getattr(importlib.import_module(f"{__name__}.{module}"), function)
        content: Content = reader(data, *details)
        return content

    return read


READERS: dict[str, Reader] = {
    ".pdf": _in("pdf"),
    ".docx": _in("docx"),
    ".pptx": _in("slides"),
    ".xlsx": _in("sheet"),
    ".xlsm": _in("sheet"),
    ".html": _in("html"),
    ".htm": _in("html"),
    ".xhtml": _in("html"),
    ".epub": _in("epub"),
    ".md": _in("plain.markdown"),
    ".markdown": _in("plain.markdown"),
    ".txt": _in("plain.text"),
    ".text": _in("plain.text"),
    ".rst": _in("plain.text"),
    ".adoc": _in("plain.asciidoc"),
    ".asciidoc": _in("plain.asciidoc"),
    ".odt": _in("pandoc", "read", "odt"),
    ".rtf": _in("pandoc", "read", "rtf"),
    ".tex": _in("pandoc", "read", "latex"),
    ".latex": _in("pandoc", "read", "latex"),
    ".org": _in("pandoc", "read", "org"),
    ".mediawiki": _in("pandoc", "read", "mediawiki"),
    ".xml": _in("xml"),
    ".docbook": _in("xml"),
    ".dbk": _in("xml"),
    ".dita": _in("xml"),
    ".ipynb": _in("notebook"),
    ".srt": _in("subtitles"),
    ".vtt": _in("subtitles"),
    ".csv": _in("delimited"),
    ".tsv": _in("delimited"),
    ".json": _in("passages"),
    ".jsonl": _in("passages"),
    ".ndjson": _in("passages"),
    ".eml": _in("mail"),
    ".png": _in("ocr", "read_image"),
    ".jpg": _in("ocr", "read_image"),
    ".jpeg": _in("ocr", "read_image"),
    ".tif": _in("ocr", "read_image"),
    ".tiff": _in("ocr", "read_image"),
}

CONTAINERS = (
    ".zip",
    ".tar",
    ".tar.gz",
    ".tgz",
    ".tar.bz2",
    ".tbz2",
    ".tar.xz",
    ".txz",
    ".gz",
    ".mbox",
)
"""Endings of files that hold other files; mail does too, beside its own text."""

__all__ = [
    "CONTAINERS",
    "READERS",
    "Builder",
    "Content",
    "Malformed",
    "Part",
    "Reader",
    "ending",
    "storable",
]


def ending(name: str) -> str:
    """The ending that says how a file is read (`.tar.gz` is one), in lower case; may be empty."""
    name = name.rpartition("/")[2].lower()
    double = next((one for one in CONTAINERS if one.count(".") == 2 and name.endswith(one)), "")
    dot = name.rfind(".")
    return double or (name[dot:] if dot > 0 else "")
