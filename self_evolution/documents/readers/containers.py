"""Archives and mail: files that hold other files."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import PurePosixPath
from typing import IO, NamedTuple

from self_evolution.documents.readers.base import Malformed, storable

DEEPEST = 3
"""The deepest nesting of archives that is read."""

_MB = 1 << 20


class Member(NamedTuple):
    """A file in a container: its content, or the reason why it cannot be read."""

    name: str
    data: bytes
    problem: str = ""


class Budget:
    """The limit of unpacked bytes from one file: of each member, and of all together."""

    def __init__(self, each: int, whole: int) -> None:
        self.each = each
        self.whole = whole
        self._left = whole

    def take(self, stream: IO[bytes] | io.BufferedIOBase) -> bytes:
        """Read all of `stream`. Raises Malformed if it is larger than the budget."""
        data = stream.read(min(self.each, self._left) + 1)
        if len(data) > self._left:
            raise Malformed(f"the archive unpacks to more than {self.whole // _MB:,} MB")
        self._left -= len(data)
        if len(data) > self.each:
            raise Malformed(f"larger than {self.each // _MB:,} MB, see --read.max-file-mb")
        return data


def members(kind: str, stem: str, data: bytes, budget: Budget) -> Iterator[Member]:
    """Yield the files in a container of that ending, in its order, without folders and hidden
    files.

    A member that cannot be unpacked has a problem; once the budget is spent, the rest is reported
    as one more. Raises Malformed if the container itself is broken.
    """
    try:
        if kind == ".zip":
            yield from _zipped(data, budget)
        elif kind == ".gz":
            yield _unpacked(stem, gzip.GzipFile(fileobj=io.BytesIO(data)), budget)
        elif kind in (".eml", ".mbox"):
            from self_evolution.documents.readers import mail

            files = mail.attachments(data) if kind == ".eml" else mail.messages(data)
            for name, content in files:
                yield _unpacked(name, io.BytesIO(content), budget)
        else:
            yield from _tarred(data, budget)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        lzma.LZMAError,
        zlib.error,
        EOFError,
        OSError,
    ) as error:
        raise Malformed(f"a broken archive ({error})") from None


def _zipped(data: bytes, budget: Budget) -> Iterator[Member]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if info.is_dir() or _hidden(info.filename):
                continue
            if info.flag_bits & 1:
                yield Member(_shown(info.filename), b"", "needs a password; unpack it first")
                continue
            try:
                stream = archive.open(info)
            except (NotImplementedError, zipfile.BadZipFile, RuntimeError, OSError) as error:
                yield Member(_shown(info.filename), b"", f"cannot be unpacked ({error})")
                continue
            yield _unpacked(info.filename, stream, budget)


def _tarred(data: bytes, budget: Budget) -> Iterator[Member]:
    # Read as a stream, in order: what a gzipped one unpacks to need never be in memory at once.
    with tarfile.open(fileobj=io.BytesIO(data), mode="r|*") as archive:
        for info in archive:
            stream = archive.extractfile(info) if info.isreg() else None
            if stream is not None and not _hidden(info.name):
                yield _unpacked(info.name, stream, budget)


def _unpacked(name: str, stream: IO[bytes] | io.BufferedIOBase, budget: Budget) -> Member:
    try:
        with closing(stream):
            return Member(_shown(name), budget.take(stream))
    except Malformed as error:
        return Member(_shown(name), b"", str(error))
    except (zipfile.BadZipFile, lzma.LZMAError, EOFError, OSError, ValueError, zlib.error) as error:
        return Member(_shown(name), b"", f"cannot be unpacked ({error})")


def _shown(name: str) -> str:
    """Return a member's path as a part of a document's path: without `..`, and relative."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return storable("/".join(part for part in parts if part not in ("..", "/"))) or "unnamed"


def _hidden(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part.startswith((".", "__MACOSX")) and part != ".." for part in parts)
