"""Read: files become documents and sections; the evaluation sets and rehearsal come in too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from self_evolution import embedded, readers
from self_evolution.errors import UserError
from self_evolution.readers.items import read_conversations, read_items
from self_evolution.records import Conversation, Document, Item, Section, content_id
from self_evolution.run import Run
from self_evolution.stages.outcome import Outcome


def read(run: Run, generation: int) -> Outcome:
    """Raises UserError if a source is missing or nothing at all could be read."""
    files = readers.find(sources(run.config.read.documents))
    known = {document.path: document for document in run.ledger.documents()}
    tasks = [(name, 0) for name in files]
    for names, _ in run.batches("read", generation, "files", tasks, set(known), size=1):
        for name in names:
            run.ledger.add(_document(name, files[name], _left(run)))
    counts = run.ledger.fragment_counts()
    if not counts["sections"]:
        problems = [f"{d.path}: {d.problem}" for d in run.ledger.documents() if d.problem]
        raise UserError("no text in these documents\n" + "\n".join(problems[:5]))
    _read_side_files(run)
    note = ""
    if counts["unreadable"]:
        bad = [f"{d.path}: {d.problem}" for d in run.ledger.documents() if d.problem]
        note = f"{len(bad)} of {len(files)} files could not be read: " + "; ".join(bad[:3])
    return Outcome(counts["documents"], note)


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


def _document(name: str, path: Path, limit: int | None) -> Iterator[Document | Section]:
    """The rows of one file, at most `limit` sections."""
    data = path.read_bytes()
    digest = _digest(data)
    found = readers.read(path, data)
    id = content_id("document", name, digest)
    kind = path.suffix.lower().lstrip(".")
    if isinstance(found, readers.Unreadable):
        yield Document(id, name, digest, kind, path.stem, found.problem)
        return
    title, parts = found
    yield Document(id, name, digest, kind, title)
    for position, part in enumerate(parts[:limit]):
        yield Section(content_id("section", id, position, part.text), id, position, *part)


def _read_side_files(run: Run) -> None:
    """Evaluation sets and rehearsal, each in one transaction, if they are not there yet."""
    settings = run.config.evaluate
    suites = {
        "domain": (settings.file, embedded.EVALUATION),
        "retention": (settings.retention_file, embedded.RETENTION),
    }
    for suite, (name, own) in suites.items():
        if name and not run.ledger.items(suite):
            rows = read_items(own if name == "embedded" else Path(name))
            run.ledger.add(
                Item(content_id("item", suite, i, *row), suite, i, *row)
                for i, row in enumerate(rows[: settings.limit or None])
            )
    name = run.config.train.rehearsal_file
    if name and not run.ledger.conversations():
        path = embedded.REHEARSAL if name == "embedded" else Path(name)
        unique = {content_id("conversation", turns): turns for turns in read_conversations(path)}
        run.ledger.add(Conversation(id, turns) for id, turns in unique.items())
