"""File formats. A reader takes a file's text and gives its title and sections, in order.

To add a format: one file with a function of that shape, and one line in READERS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from self_evolution.errors import UserError
from self_evolution.readers import html, markdown, passages, text
from self_evolution.readers.base import Malformed, Part

Reader = Callable[[str], tuple[str, list[Part]]]
"""text -> (title, parts); raises Malformed, which says what is wrong with the file."""

READERS: dict[str, Reader] = {
    ".md": markdown.read,
    ".markdown": markdown.read,
    ".txt": text.read,
    ".rst": text.read,
    ".html": html.read,
    ".htm": html.read,
    ".json": passages.read_json,
    ".jsonl": passages.read_jsonl,
}

__all__ = ["READERS", "Malformed", "Part", "Reader", "Unreadable", "find", "read"]


class Unreadable(NamedTuple):
    """Why a file gave nothing."""

    problem: str


def find(sources: Mapping[str, Path]) -> dict[str, Path]:
    """{name: path} of the readable files in `sources` (files or folders), in order of their names.

    `sources` are paths by the name to show for them; a file's name is its folder's and its own
    path in there. Files of a folder with other endings are left out; a file given by itself must
    be readable. Raises UserError for a missing path, or a folder without any such file.
    """
    found: dict[str, Path] = {}
    known = ", ".join(READERS)
    for name, path in sources.items():
        if path.is_dir():
            files = [p for p in path.rglob("*") if p.suffix.lower() in READERS and p.is_file()]
            if not files:
                raise UserError(f"{name}: no readable document in this folder; readable: {known}")
            found |= {(Path(name) / p.relative_to(path)).as_posix(): p for p in files}
        elif not path.exists():
            raise UserError(f"{name}: no such file or folder")
        elif path.suffix.lower() not in READERS:
            raise UserError(f"{name}: unknown format; readable: {known}")
        else:
            found[name] = path
    return dict(sorted(found.items()))


def read(path: Path, data: bytes) -> tuple[str, list[Part]] | Unreadable:
    """Title and parts of a file's bytes, or why there are none."""
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Unreadable(f"not UTF-8 (byte {error.start}); convert it, for instance with iconv")
    try:
        title, parts = READERS[path.suffix.lower()](content.replace("\r\n", "\n"))
    except Malformed as error:
        return Unreadable(str(error))
    if not any(part.text.strip() for part in parts):
        return Unreadable("no text in it")
    return title or path.stem, parts
