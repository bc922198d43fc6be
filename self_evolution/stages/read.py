"""Read: files become documents and sections; the evaluation sets and rehearsal come in too."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from self_evolution.documents import readers
from self_evolution.documents.changes import Changes, find_changes
from self_evolution.documents.readers.items import ItemRow, read_conversations, read_items
from self_evolution.documents.readers.worker import Limits
from self_evolution.documents.readers.workers import Read, Reading, Workers
from self_evolution.errors import UserError, printable
from self_evolution.evaluation import contradictions
from self_evolution.records import Conversation, Document, Event, Holdout, Item, Section, content_id
from self_evolution.retrieval import has_index
from self_evolution.run import Run
from self_evolution.run.outcome import Outcome
from self_evolution.run.side_files import side_files
from self_evolution.text.counts import many

Row = Document | Event | Holdout | Section

FILES_A_COMMIT, SECONDS_A_COMMIT = 64, 0.5


def read(run: Run, generation: int) -> Outcome:
    """Update the ledger from the folders: read new content, and set aside documents that no longer
    exist.

    Raises UserError if a source is missing, if nothing at all could be read, or if no document is
    one that `check.prefer` names.
    """
    changes = find_changes(run.ledger, run.config.read, run.read_again)
    _set_aside(run, changes)
    _take_in(run, changes)
    counts = run.ledger.fragments.counts()
    problems = [(d.path, d.problem) for d in run.ledger.documents.here() if d.problem]
    if run.config.read.documents and not counts["sections"]:
        some = "\n".join(f"{printable(path)}: {problem}" for path, problem in problems[:5])
        raise UserError(
            "none of these documents has text that can be read; give other documents (scans need "
            "the extra `ocr`)\n" + some
        )
    paths = [document.path for document in run.ledger.documents.all()]
    if run.config.ask.pairs:
        paths.append(run.config.ask.pairs)
    contradictions.require_known(run.config.check.prefer, paths)
    _read_side_files(run)
    run.ledger.set_meta("left_out", changes.files.left_out)
    if has_index(run.ledger):  # else `split` makes it, once there are fragments
        run.update_index()
    return Outcome(counts["documents"], "; ".join(_notes(run, changes, problems)))


def _set_aside(run: Run, changes: Changes) -> None:
    """Record which documents no longer exist, or exist again, and with them what they contain."""
    here = run.ledger.documents.here()
    events: list[tuple[str, str]] = []
    for document, kind in changes.gone:
        inside = [one.id for one in here if one.container and one.container == document.sha256]
        events += [(id, kind) for id in (document.id, *inside)]
    events += [(document.id, "returned") for document in changes.returned]
    if events:
        first = run.ledger.count("event")
        run.ledger.add(Event(first + i, id, kind) for i, (id, kind) in enumerate(events))


def _take_in(run: Run, changes: Changes) -> None:
    """Add new files, a few in each transaction, so that an interruption loses little."""
    settings = run.config.read
    limits = Limits(settings.memory_mb << 20, settings.max_file_mb << 20, settings.seconds)
    intake = _Intake(run, changes.heirs)
    intake.refuse(changes.refused)
    paths = [changes.files.paths[name] for name in changes.new]
    if not paths:
        intake.commit()
        return
    bar = run.progress.bar("read", "files", len(paths), 0)
    with bar as shown, Workers(limits, settings.workers) as workers:
        for name, reading in zip(changes.new, workers.read(paths), strict=True):
            intake.take(name, changes.digests[name], reading, changes.again.get(name, ()))
            if intake.is_due():
                shown.advance(intake.commit())
                run.raise_if_stopped()
        shown.advance(intake.commit())


class _Intake:
    """The rows of documents that were read, until they are committed."""

    def __init__(self, run: Run, heirs: Mapping[str, str]) -> None:
        self._run = run
        held = run.ledger.documents.held_out()
        self._held = {name for name, id in heirs.items() if id in held}
        self._rows: list[Row] = []
        self._files = 0
        self._since = time.monotonic()
        self._known = {document.id for document in run.ledger.documents.all()}
        self._live = run.ledger.documents.live_ids()
        self._events = run.ledger.count("event")
        limit = run.config.read.limit
        there = run.ledger.fragments.counts()["sections"]
        self._left = max(0, limit - there) if limit else None

    def refuse(self, problems: Mapping[str, str]) -> None:
        for name, problem in problems.items():
            self._add(name, Read("", readers.ending(name)[1:], "", problem=problem), None)

    def take(self, name: str, digest: str, reading: Reading, instead: Sequence[str]) -> None:
        """Add all documents of a file. They replace those in `instead`. An archive is itself a
        document without text."""
        self._files += 1
        for id in instead:
            self._event(id, "changed")
        kind = readers.ending(name)
        others = _listed(reading.left_out)
        note = f"left out: {others}: no reader for these" if others else ""
        for document in reading.documents:
            if document.path:
                self._add(f"{name}/{document.path}", document, digest)
            else:  # the file itself; its digest is known even if its reader crashed
                whole = document._replace(sha256=digest, format=kind[1:])
                self._add(name, whole._replace(note="; ".join(filter(None, (whole.note, note)))))
        if all(document.path for document in reading.documents):
            problem = None if reading.documents else "no readable file in it"
            self._add(name, Read("", kind[1:], digest, note=note, problem=problem))

    def is_due(self) -> bool:
        late = time.monotonic() - self._since > SECONDS_A_COMMIT
        return late or self._files >= FILES_A_COMMIT

    def commit(self) -> int:
        """Write the rows; returns the number of files."""
        if self._rows:
            self._run.ledger.add(self._rows)
        done, self._files, self._rows = self._files, 0, []
        self._since = time.monotonic()
        return done

    def _add(self, path: str, found: Read, container: str | None = None) -> None:
        title = found.title or readers.storable(Path(path).stem)
        odd = [text for text in (found.problem, found.note) if text]
        id = content_id("document", path, found.sha256, *odd, *([container] if container else []))
        if id in self._known:
            if id not in self._live:
                self._event(id, "returned")
            return
        self._known.add(id)
        self._live.add(id)
        self._rows.append(
            Document(
                id, path, found.sha256, found.format, title, found.problem, found.note, container
            )
        )
        self._rows += self._sections(id, found)
        if path in self._held:  # what replaces a held-out document is held out too
            self._rows.append(Holdout(id))

    def _event(self, id: str, kind: str) -> None:
        self._rows.append(Event(self._events, id, kind))
        self._events += 1
        (self._live.add if kind == "returned" else self._live.discard)(id)

    def _sections(self, id: str, found: Read) -> Iterator[Section]:
        parts = list(islice(found.parts, self._left))
        if self._left is not None:
            self._left -= len(parts)
        for position, part in enumerate(parts):
            yield Section(content_id("section", id, position, part.text), id, position, *part)


def _notes(run: Run, changes: Changes, problems: list[tuple[str, str]]) -> list[str]:
    notes = []
    here = run.ledger.documents.here()
    total = sum(f".{d.format}" not in readers.CONTAINERS or bool(d.problem) for d in here)
    if problems:
        bad = "; ".join(f"{printable(path)}: {problem}" for path, problem in problems[:3])
        notes.append(f"{len(problems):,} of {total:,} documents could not be read: {bad}")
    partly = [d for d in here if d.note and not d.problem]
    if partly:
        some = "; ".join(f"{printable(d.path)}: {d.note}" for d in partly[:3])
        notes.append(f"read in part: {len(partly):,} ({some})")
    if changes.copies:
        notes.append(f"equal to others, read once: {changes.copies:,}")
    for kind in ("changed", "withdrawn"):
        if count := sum(one == kind for _, one in changes.gone):
            notes.append(f"{kind} since: {count:,}, set aside with what came out of them")
    if others := changes.files.left_out:
        notes.append(f"left out: {_listed(others)}: no reader for these yet")
    return notes


def _listed(endings: Mapping[str, int], most: int = 5) -> str:
    some = [f"{n:,} {ending or 'without ending'}" for ending, n in list(endings.items())[:most]]
    rest = sum(list(endings.values())[most:])
    return ", ".join(some) + (f" and {many(rest, 'other')}" if rest else "")


def _read_side_files(run: Run) -> None:
    """Add evaluation sets and rehearsal, each in one transaction, if they are not there yet.

    When the test questions are locked, no item is added any more, even if a review removed all of
    them.
    """
    files = side_files(run.config)
    for suite, key in (("domain", "evaluate.file"), ("retention", "evaluate.retention_file")):
        if key in files and not run.ledger.items.of_suite(suite) and not run.ledger.items.locks():
            rows = read_items(files[key])[: run.config.evaluate.limit or None]
            run.ledger.add(_item(suite, i, row) for i, row in enumerate(rows))
    rehearsal = files.get("train.rehearsal_file")
    if rehearsal and not run.ledger.training.conversations("given"):
        turns = read_conversations(rehearsal)
        unique = {content_id("conversation", messages): messages for messages in turns}
        run.ledger.add(
            Conversation(id, messages, position=position)
            for position, (id, messages) in enumerate(unique.items())
        )


def _item(suite: str, position: int, row: ItemRow) -> Item:
    # A row without a document has the id that it had before rows could name one.
    texts = row if row.document else row[:-1]
    return Item(
        content_id("item", suite, position, *texts),
        suite,
        position,
        row.passage,
        row.question,
        row.reference,
        row.values,
        cluster_id=row.document or None,
    )
