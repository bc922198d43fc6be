"""File formats. A reader takes a file's text and gives its title and sections, in order.

To add a format: one file with a function of that shape, and one line in READERS.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import NamedTuple

from self_evolution.errors import UserError
from self_evolution.readers import html, markdown, passages, text
from self_evolution.readers.base import Malformed, Part, storable

Reader = Callable[[str], tuple[str, list[Part]]]
"""text -> (title, parts); raises Malformed, which says what is wrong with the file."""

READERS: dict[str, Reader] = {
    ".md": markdown.read,
    ".markdown": markdown.read,
    ".txt": text.read,
    ".rst": text.read,
    ".html": html.read,
    ".htm": html.read,
    ".json": passages.read,
    ".jsonl": passages.read,
}

__all__ = [
    "READERS",
    "Malformed",
    "Part",
    "Reader",
    "Unreadable",
    "find",
    "left_out",
    "read",
    "storable",
]


class Unreadable(NamedTuple):
    """Why a file gave nothing."""

    problem: str


def find(sources: Mapping[str, Path]) -> dict[str, Path]:
    """{name: path} of the readable files in `sources` (files or folders), in order of their names.

    `sources` are paths by the name to show for them; a file's name is its folder's and its own
    path in there. Files of a folder with other endings are left out; a file given by itself must
    be readable. A file given twice, in whatever spelling, is found once. Raises UserError for a
    missing path, or a folder without any such file.
    """
    found: dict[str, Path] = {}
    seen: set[Path] = set()
    for source, path in sources.items():
        for name, file in _readable(source, path):
            if file.resolve() not in seen:
                seen.add(file.resolve())
                found[_free(storable(name), found)] = file
    return dict(sorted(found.items()))


def left_out(sources: Mapping[str, Path]) -> dict[str, int]:
    """{ending: files} of the folders' files that no reader takes, the commonest first."""
    others = {
        file.resolve()
        for path in sources.values()
        for file in _files(path)
        if file.suffix.lower() not in READERS
    }
    counts = Counter(storable(file.suffix.lower()) for file in others)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _readable(name: str, path: Path) -> list[tuple[str, Path]]:
    """(name, path) of the readable files of one source."""
    known = ", ".join(READERS)
    if path.is_dir():
        files = sorted(file for file in _files(path) if file.suffix.lower() in READERS)
        if not files:
            raise UserError(f"{name}: no readable document in this folder; readable: {known}")
        return [((Path(name) / file.relative_to(path)).as_posix(), file) for file in files]
    if not path.exists():
        raise UserError(f"{name}: no such file or folder")
    if path.suffix.lower() not in READERS:
        raise UserError(f"{name}: unknown format; readable: {known}")
    return [(name, path)]


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder but what is hidden, and what is in a run of ours."""
    for place, folders, names in os.walk(folder):
        if "run.db" in names:  # its report and recipe are no documents
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(place, name) for name in names if not name.startswith("."))
        yield from (path for path in paths if path.is_file())


def _free(name: str, taken: Container[str]) -> str:
    """`name`, with a number if it is taken: names that are not UTF-8 may be shown alike."""
    numbered = (f"{name} ({n})" if n > 1 else name for n in count(1))
    return next(one for one in numbered if one not in taken)


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
    return title or storable(path.stem), parts
