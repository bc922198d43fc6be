"""A worker process that reads files, so that a bad file is skipped without affecting others.

    python -m self_evolution.documents.readers.worker LIMITS

Tasks come as lines of JSON on standard input, messages go out as lines of JSON: `begin` with the
name of a document before it is read, then the document or its problem; `end` after the last one of
a file. The process has no network, writes nothing, and starts no other process than pandoc, which
is restricted too. The system ends it when its time or memory limit is reached; its parent knows
which document it had begun.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from self_evolution.documents.readers import (
    CONTAINERS,
    READERS,
    Content,
    Malformed,
    ending,
    pandoc,
    storable,
)
from self_evolution.documents.readers.containers import DEEPEST, Budget, members

LONGEST = 64 << 20
"""Characters of text that one file may hold."""

OUT_OF_MEMORY = 77
"""The exit status of a worker that reached its memory limit."""

_FORBIDDEN = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system")
_CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "shutil.")


class Limits(NamedTuple):
    """The limits of one file: bytes of memory, bytes of the file, and seconds for an empty
    document."""

    memory: int
    file: int
    seconds: float

    def time(self, size: int) -> float:
        """The time limit for a document of `size` bytes: large documents get more seconds."""
        return self.seconds + size / 1e5


class Found(NamedTuple):
    """A document in a file: its bytes, or the reason why there are none.

    `path` is its path inside the container; empty for the file itself.
    """

    path: str
    data: bytes
    problem: str = ""


def main() -> None:
    limits = Limits(*json.loads(sys.argv[1]))
    # What libraries print must not come between the messages.
    out = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    for number in (signal.SIGINT, signal.SIGTERM):  # these are for the parent, which ends us
        signal.signal(number, signal.SIG_IGN)
    _restrict(limits)
    for line in sys.stdin.buffer:
        task = json.loads(line)
        try:
            for message in _messages(Path(task["path"]), task["skip"], limits):
                _send(out, message)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(out, {"end": True})


def _send(out: IO[bytes], message: dict[str, Any]) -> None:
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    out.write(text.encode("utf-8", "replace") + b"\n")
    out.flush()


def _restrict(limits: Limits) -> None:
    """Limit memory and writing by the system, and everything else by an audit hook."""
    kinds = ((resource.RLIMIT_AS, limits.memory), (resource.RLIMIT_FSIZE, 0))
    for kind, wanted in (*kinds, (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (most, most))

    allowed = [pandoc.command(form) for form in pandoc.FORMATS]

    def guard(event: str, details: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen" and details[1] in allowed:
            return
        if event.startswith((*_FORBIDDEN, *_CHANGES)) or (event == "open" and _writes(details)):
            raise PermissionError(f"a reader may not do this: {event} {details[:1]}")

    sys.addaudithook(guard)


def _writes(details: tuple[Any, ...]) -> bool:
    path, mode, flags = details
    if isinstance(path, int):  # what is open already, such as a pipe
        return False
    if isinstance(mode, str):
        return path != os.devnull and any(letter in mode for letter in "wax+")
    return path != os.devnull and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def _messages(path: Path, skip: int, limits: Limits) -> Iterator[dict[str, Any]]:
    """Yield the messages about the documents in a file, without the first `skip` documents."""
    signal.setitimer(signal.ITIMER_REAL, limits.time(0))
    budget = Budget(limits.file, 4 * limits.file)
    left = LONGEST
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= limits.file else b""
        problem = f"{size >> 20:,} MB: larger than --read.max-file-mb {limits.file >> 20:,}"
    except OSError as error:  # it was there when it was found
        size, data, problem = limits.file + 1, b"", f"{error.strerror}"
    if size > limits.file:
        yield {"path": "", "format": ending(path.name)[1:], "sha256": "", "problem": problem}
        return
    others: Counter[str] = Counter()
    for number, found in enumerate(_documents(path.name, data, budget, others)):
        if number < skip:
            continue
        yield {"begin": found.path}
        signal.setitimer(signal.ITIMER_REAL, limits.time(len(found.data)))
        message = _read(found, path.name, left)
        left -= message.pop("size", 0)
        yield message
    if others:
        yield {"left_out": dict(others)}


def _documents(
    name: str, data: bytes, budget: Budget, others: Counter[str], depth: int = 0
) -> Iterator[Found]:
    """The documents of a file: itself, or its members; `others` counts those that no reader takes.

    A container that cannot be opened, or not to its end, is a document with a problem.
    """
    kind = ending(name)
    if kind in READERS:
        yield Found("", data)
        if kind != ".eml":
            return
    if depth == DEEPEST:
        yield Found("", b"", f"archives in one another, deeper than {DEEPEST}; unpack it")
        return
    stem = name[: len(name) - len(kind)]
    try:
        for member in members(kind, stem, data, budget):
            known = ending(member.name)
            if known not in READERS and known not in CONTAINERS:
                others[storable(known)] += 1
            elif member.problem:
                yield Found(member.name, b"", member.problem)
            else:
                for inner in _documents(member.name, member.data, budget, others, depth + 1):
                    path = f"{member.name}/{inner.path}" if inner.path else member.name
                    yield inner._replace(path=path)
    except Malformed as error:
        if kind != ".eml":
            yield Found("", b"", str(error))


def _read(found: Found, name: str, left: int) -> dict[str, Any]:
    """A document as a message; `size` is its number of characters."""
    kind = ending(found.path or name)
    digest = hashlib.sha256(found.data).hexdigest() if found.data or not found.problem else ""
    message: dict[str, Any] = {"path": found.path, "format": kind[1:], "sha256": digest}
    if found.problem:
        return message | {"problem": found.problem}
    try:
        content = READERS[kind](found.data)
    except Malformed as error:
        return message | {"problem": str(error)}
    except RecursionError:
        return message | {"problem": "nested too deeply"}
    except MemoryError:
        raise
    except Exception as error:  # whatever a library makes of a broken file is about the file
        text = " ".join(str(error).split())[:200]
        kind_of_error = type(error).__name__
        return message | {
            "problem": f"broken, or not what its ending says ({kind_of_error}: {text})"
        }
    return message | _told(content, left)


def _told(content: Content, left: int) -> dict[str, Any]:
    parts = [part for part in content.parts if part.text.strip()]
    size = sum(len(part.text) for part in parts)
    if not parts:
        return {"problem": content.note or "no text in it"}
    if size > left:
        return {"problem": f"more than {LONGEST:,} characters of text in one file; split it"}
    title = storable(" ".join(content.title.split()))
    return {"title": title, "note": content.note, "parts": parts, "size": size}


if __name__ == "__main__":
    main()
