"""The search for files to read in the given sources, and a count of all other files."""

from __future__ import annotations

import glob
import os
import stat
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import NamedTuple

from self_evolution.documents.readers import CONTAINERS, READERS, ending, storable
from self_evolution.errors import UserError
from self_evolution.ledger.database import APPLICATION_ID


class Files(NamedTuple):
    """The files found: `paths` and `refused` (why) by name, and a count of other files by
    ending."""

    paths: dict[str, Path]
    refused: dict[str, str]
    left_out: dict[str, int]


class _Entry(NamedTuple):
    """An entry that was found; `problem` says why it cannot be opened (a `folder` always
    counts)."""

    name: str
    path: Path
    identity: tuple[int, int]
    problem: str = ""
    folder: bool = False


def find(sources: Mapping[str, Path], follow_links: bool = False) -> Files:
    """Find the files of `sources`: files, folders and glob patterns by the name to show for them.

    The name of a file in a folder is the folder's name and its path inside. Hidden files and
    earlier runs are skipped, files of a folder with unknown endings are counted, and entries that
    are not files (a pipe, a link that leads out of the folder) are refused. A file given twice, in
    whatever spelling, is found once. Raises UserError for a missing path, or if there is nothing to
    read.
    """
    found: dict[str, Path] = {}
    refused: dict[str, str] = {}
    others: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()
    for source, path in sources.items():
        anything = False
        for entry in _given(source, path, follow_links):
            readable = entry.folder or _readable(entry.name)
            anything = anything or readable
            if entry.identity in seen:
                continue
            seen.add(entry.identity)
            if not readable:
                others[storable(ending(entry.name))] += 1
            elif entry.problem:
                refused[_free(storable(entry.name), refused)] = entry.problem
            else:
                found[_free(storable(entry.name), found)] = entry.path
        if not anything:
            what = "in this folder" if path.is_dir() else "matches"
            raise UserError(f"{source}: no readable document {what}; readable: {_known()}")
    listed = dict(sorted(others.items(), key=lambda item: (-item[1], item[0])))
    return Files(dict(sorted(found.items())), dict(sorted(refused.items())), listed)


def _given(source: str, path: Path, follow_links: bool) -> Iterator[_Entry]:
    """Yield the entries of one source: a file, a folder, or what a pattern matches."""
    if os.path.lexists(path):
        if not path.is_dir() and not _readable(source):
            raise UserError(f"{source}: unknown format; readable: {_known()}")
        yield from _entries(source, path, follow_links)
    elif glob.has_magic(source):
        yield from _matching(source, follow_links)
    else:
        raise UserError(f"{source}: no such file or folder")


def _matching(pattern: str, follow_links: bool) -> Iterator[_Entry]:
    """Yield the entries that match a pattern, or lie in a match, in the folder that it begins
    with."""
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    folder = Path(*parts[:fixed])
    if not folder.is_dir():
        return
    matches = {Path(one) for one in glob.glob(pattern, recursive=True)}  # noqa: PTH207 - absolute?
    for entry in _entries(str(folder), folder, follow_links):
        place = folder / Path(entry.name).relative_to(folder)
        if not matches.isdisjoint((place, *place.parents)):
            yield entry._replace(name=str(place))


def _entries(source: str, path: Path, follow_links: bool) -> Iterator[_Entry]:
    """Yield the entries of one source. A link that the user names is followed."""
    if not path.is_dir():
        yield _entry(source, path, path.stat if path.exists() else path.lstat)
        return
    root = os.path.realpath(path)
    stack = [(source.rstrip("/") or "/", os.fspath(path))]
    folders = {_identity(path.stat())}
    while stack:
        name, folder = stack.pop()
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield _Entry(name, Path(folder), (0, hash(folder)), f"{error.strerror}", True)
            continue
        if any(entry.name == "run.db" and _is_ledger(entry.path) for entry in inside):
            continue  # a run of ours: its report and recipe are no documents
        for entry in inside:
            if entry.name.startswith("."):
                continue
            shown = f"{name}/{entry.name}" if name != "/" else f"/{entry.name}"
            if entry.is_symlink() and not follow_links:
                yield from _link(shown, Path(entry.path), root)
                continue
            found = _entry(shown, Path(entry.path), entry.stat)
            if not found.folder or found.problem:
                yield found
            elif found.identity not in folders:  # a link may lead back to where it lies
                folders.add(found.identity)
                stack.append((shown, entry.path))


def _entry(name: str, path: Path, look: Callable[[], os.stat_result]) -> _Entry:
    try:
        found = look()
    except OSError as error:
        return _Entry(name, path, (0, hash(name)), f"{error.strerror}")
    if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
        return _Entry(name, path, _identity(found), folder=stat.S_ISDIR(found.st_mode))
    problem = "a link to nowhere" if stat.S_ISLNK(found.st_mode) else "no regular file"
    return _Entry(name, path, _identity(found), problem)


def _link(name: str, path: Path, root: str) -> Iterator[_Entry]:
    """Handle a link inside a folder: if its target is inside too, it is found there; else
    refused."""
    target = Path(os.path.realpath(path))
    problem = "a link to nowhere"
    if target.exists():
        if target.is_relative_to(root):
            return
        problem = "a link out of the folder; --read.follow-links true follows it"
    yield _Entry(name, path, _identity(path.lstat()), problem, target.is_dir())


def _is_ledger(path: str) -> bool:
    """Whether a run.db belongs to a run, which may have only just begun."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - of an entry
            head = file.read(100)
    except OSError:
        return True  # whatever it is, it is not for us
    ours = APPLICATION_ID.to_bytes(4, "big")
    return not head or head[68:72] == ours or os.path.exists(f"{path}-wal")  # noqa: PTH110


def _identity(found: os.stat_result) -> tuple[int, int]:
    return (found.st_dev, found.st_ino)


def _readable(name: str) -> bool:
    return ending(name) in READERS or ending(name) in CONTAINERS


def _known() -> str:
    return ", ".join([*READERS, *CONTAINERS])


def _free(name: str, taken: Container[str]) -> str:
    """Return `name`, with a number if it is taken: names that are not UTF-8 may be shown alike."""
    numbered = (f"{name} ({n})" if n > 1 else name for n in count(1))
    return next(one for one in numbered if one not in taken)
