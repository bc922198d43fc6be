"""The comparison of the folders as they are now with the ledger."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import NamedTuple

from self_evolution import config
from self_evolution import miniature as embedded
from self_evolution.documents import readers
from self_evolution.documents.readers.files import Files, find
from self_evolution.errors import UserError
from self_evolution.ledger import FileRow, Ledger
from self_evolution.records import Document

Key = tuple[str, str]
"""The identity of a file's content: (SHA-256, format), or (name, problem)."""

_SETTLED = 2_000_000_000
"""Nanoseconds. If a file that is older than this changes again, its modification time surely
changes too."""


class Changes(NamedTuple):
    """The changes that reading would make. Files are known by content: a moved file has not
    changed.

    `new`: names of files to read. `refused`: {name: problem} of new entries that cannot be read.
    `gone`: documents whose content is no longer there, each with `changed` (its name is still
    there) or `withdrawn` (its name is gone too). `returned`: documents that are there again.
    `again`: {name of a file that is read once more: ids of the documents that this replaces}.
    `heirs`: {name of a changed file: id of the document that it held before}, even if the file was
    moved meanwhile. `copies`: the number of files that are equal to others.
    """

    files: Files
    digests: dict[str, str]
    new: list[str]
    refused: dict[str, str]
    gone: list[tuple[Document, str]]
    returned: list[Document]
    again: dict[str, list[str]]
    heirs: dict[str, str]
    copies: int

    def __bool__(self) -> bool:
        return bool(self.new or self.refused or self.gone or self.returned)


def sources(documents: tuple[str, ...]) -> dict[str, Path]:
    """Paths to read by their names; the word `embedded` stands for the handbook in the package."""
    if not documents:
        raise UserError("no documents given: self-evolution run DOCS…, files or folders")
    own = {"embedded": ("handbook", embedded.HANDBOOK)}
    return dict(own.get(name, (name, Path(name))) for name in documents)


def find_changes(ledger: Ledger, settings: config.Read, again: bool = False) -> Changes:
    """Compare the folders with the ledger. `again` treats unreadable documents as new.

    Documents that were read only in part count as unreadable too. The ledger remembers where moved
    files are now, and the size and time of files that were opened. `find` may raise UserError.
    """
    given = settings.documents
    files = find(sources(given), settings.follow_links) if given else Files({}, {}, {})
    digests, large = _digests(ledger, files.paths, settings.max_file_mb << 20)
    refused = {**files.refused, **large}
    live = ledger.documents.live_ids()
    known: dict[Key, Document] = {}
    inside: dict[str, list[Document]] = {}
    everything = ledger.documents.all()
    # If the same content was read several times, the reading in use counts, or else the best one.
    everything.sort(key=lambda one: (one.id in live, one.problem is None, not one.note))
    for document in everything:
        if document.container is None:
            known[_key(document)] = document
        elif document.id in live:
            inside.setdefault(document.container, []).append(document)
    names: dict[Key, str] = {}
    for name, digest in digests.items():
        names.setdefault((digest, _format(name)), name)
    names |= {(name, problem): name for name, problem in refused.items()}
    new: list[str] = []
    gone: list[tuple[Document, str]] = []
    twice: dict[str, list[str]] = {}
    returned: list[Document] = []
    for key, name in names.items():
        there = known.get(key)
        members = inside.get(there.sha256, []) if there else []
        if there is None:
            new.append(name)
        elif again and there.id in live and any(d.problem or d.note for d in (there, *members)):
            new.append(name)
            twice[name] = [document.id for document in (there, *members)]
        elif there.id not in live and _holds_others(there):
            new.append(name)  # what it holds is found again by reading it
        elif there.id not in live:
            returned.append(there)
    before = ledger.meta("moved") or {}
    here = {known[key].id for key in names if key in known}
    gone_before = {id: name for id, name in before.items() if id not in here}
    ledger.set_meta("moved", gone_before | _moved(names, digests, known))
    heirs: dict[str, str] = {}
    for key, document in known.items():
        if document.id in live and key not in names:
            name = before.get(document.id, document.path)
            gone.append((document, "changed" if name in digests else "withdrawn"))
            if name in digests:
                heirs[name] = document.id
    return Changes(
        files,
        digests,
        [name for name in new if name in digests],
        {name: refused[name] for name in new if name in refused},
        gone,
        returned,
        twice,
        heirs,
        len(digests) - len({(digest, _format(name)) for name, digest in digests.items()}),
    )


def _digests(
    ledger: Ledger, paths: dict[str, Path], largest: int
) -> tuple[dict[str, str], dict[str, str]]:
    """({name: SHA-256}, {name: problem}); only files that look different are opened."""
    known = ledger.documents.files()
    digests: dict[str, str] = {}
    problems: dict[str, str] = {}
    seen: list[FileRow] = []
    now = time.time_ns()
    for name, path in paths.items():
        try:
            found = path.stat()
            row = known.get(name)
            if row is not None and (row.size, row.mtime_ns) == (found.st_size, found.st_mtime_ns):
                digests[name] = row.sha256
            elif found.st_size > largest:
                problems[name] = (
                    f"{found.st_size >> 20:,} MB: larger than --read.max-file-mb {largest >> 20:,}"
                )
            else:
                with path.open("rb") as file:
                    digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
                if now - found.st_mtime_ns > _SETTLED:
                    row = FileRow(name, found.st_size, found.st_mtime_ns, digests[name])
                    seen.append(row)
        except OSError as error:
            problems[name] = f"{error.strerror}"
    ledger.documents.remember_files(seen)
    return digests, problems


def _moved(
    names: dict[Key, str], digests: dict[str, str], known: dict[Key, Document]
) -> dict[str, str]:
    """{document id: the present name of its file} of the documents whose file was renamed."""
    there = {key: known[key] for key in names if key in known}
    return {
        document.id: names[key]
        for key, document in there.items()
        if document.sha256 and digests.get(document.path) != document.sha256
    }


def _key(document: Document) -> Key:
    if document.sha256:
        return document.sha256, document.format
    return document.path, document.problem or ""


def _format(name: str) -> str:
    return readers.ending(name)[1:]


def _holds_others(document: Document) -> bool:
    kind = f".{document.format}"
    return kind in readers.CONTAINERS or kind == ".eml"
