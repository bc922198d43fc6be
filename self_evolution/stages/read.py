"""Read: files become documents and sections; the evaluation sets and rehearsal come in too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from self_evolution import embedded, readers
from self_evolution.errors import UserError
from self_evolution.readers.items import read_conversations, read_items
from self_evolution.records import Conversation, Document, Item, Section, content_id
from self_evolution.run import Run
from self_evolution.side_files import side_files
from self_evolution.stages.outcome import Outcome


def read(run: Run, generation: int) -> Outcome:
    """Raises UserError if a source is missing or nothing at all could be read."""
    given = sources(run.config.read.documents)
    files = readers.find(given)
    copies = _take_in(run, generation, files)
    counts = run.ledger.fragment_counts()
    problems = [f"{d.path}: {d.problem}" for d in run.ledger.documents() if d.problem]
    if not counts["sections"]:
        raise UserError("no text in these documents\n" + "\n".join(problems[:5]))
    _read_side_files(run)
    others = readers.left_out(given)
    run.ledger.set_meta("left_out", others)
    notes = []
    if problems:
        bad = "; ".join(problems[:3])
        notes.append(f"{len(problems)} of {len(files)} files could not be read: {bad}")
    if copies:
        notes.append(f"equal to others, read once: {copies:,}")
    if others:
        notes.append(f"left out: {_listed(others)}: no reader for these yet")
    return Outcome(counts["documents"], "; ".join(notes))


def _take_in(run: Run, generation: int, files: Mapping[str, Path]) -> int:
    """Add the files that are not in the ledger; returns how many are copies of others."""
    known = {d.path: (d.sha256, d.format) for d in run.ledger.documents()}
    contents = {name: known[name] for name in files if name in known}
    there = set(known.values())
    tasks = [(name, 0) for name in files]
    for names, _ in run.batches("read", generation, "files", tasks, set(known), size=1):
        for name in names:
            data = files[name].read_bytes()
            contents[name] = content = (_digest(data), _format(files[name]))
            if content not in there:
                run.ledger.add(_document(name, files[name], data, _left(run)))
                there.add(content)
    return len(files) - len(set(contents.values()))


def _listed(endings: Mapping[str, int], most: int = 5) -> str:
    some = [f"{n:,} {ending or 'without ending'}" for ending, n in list(endings.items())[:most]]
    rest = sum(list(endings.values())[most:])
    return ", ".join(some) + (f" and {rest:,} others" if rest else "")


def _left(run: Run) -> int | None:
    """How many more passages `read.limit` admits; None for any number."""
    limit = run.config.read.limit
    return max(0, limit - run.ledger.count("section")) if limit else None


def sources(documents: tuple[str, ...]) -> dict[str, Path]:
    """Paths to read by their names; the word `embedded` stands for the handbook that ships."""
    if not documents:
        raise UserError("no documents given: self-evolution run DOCS…, files or folders")
    own = {"embedded": ("handbook", embedded.HANDBOOK)}
    return dict(own.get(name, (name, Path(name))) for name in documents)


def fingerprint(documents: tuple[str, ...]) -> dict[str, str]:
    """{name: SHA-256} of all files, by which a run knows its documents again."""
    files = readers.find(sources(documents))
    return {name: _digest(path.read_bytes()) for name, path in files.items()}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _format(path: Path) -> str:
    return path.suffix.lower().lstrip(".")


def _document(
    name: str, path: Path, data: bytes, limit: int | None
) -> Iterator[Document | Section]:
    """The rows of one file with `data` in it, at most `limit` sections."""
    digest = _digest(data)
    kind = _format(path)
    found = readers.read(path, data)
    id = content_id("document", name, digest)
    if isinstance(found, readers.Unreadable):
        yield Document(id, name, digest, kind, readers.storable(path.stem), found.problem)
        return
    title, parts = found
    yield Document(id, name, digest, kind, title)
    for position, part in enumerate(parts[:limit]):
        yield Section(content_id("section", id, position, part.text), id, position, *part)


def _read_side_files(run: Run) -> None:
    """Evaluation sets and rehearsal, each in one transaction, if they are not there yet."""
    files = side_files(run.config)
    for suite, key in (("domain", "evaluate.file"), ("retention", "evaluate.retention_file")):
        if key in files and not run.ledger.items(suite):
            rows = read_items(files[key])[: run.config.evaluate.limit or None]
            run.ledger.add(
                Item(content_id("item", suite, i, *row), suite, i, *row)
                for i, row in enumerate(rows)
            )
    rehearsal = files.get("train.rehearsal_file")
    if rehearsal and not run.ledger.conversations():
        turns = read_conversations(rehearsal)
        unique = {content_id("conversation", messages): messages for messages in turns}
        run.ledger.add(Conversation(id, messages) for id, messages in unique.items())
