"""The user's own pairs come into a run as questions that are already answered.

The stage `ask` takes them in when it next begins after the file was given or changed. From then on
they are checked, scored, selected and replayed like other pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from self_evolution.documents.readers.pairs import GivenPair, read_pairs
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.records import Answer, Question, TrustedRow, content_id
from self_evolution.retrieval.terms import terms
from self_evolution.run.run import Run
from self_evolution.run.side_files import digests, side_files
from self_evolution.text.counts import many

KEY = "trusted"
"""The key under which the ledger keeps the SHA-256 of the file that was read last."""


def take_in(run: Run, generation: int) -> None:
    """Add the pairs of the file, unless its present content has been taken in already.

    Pairs that were taken in from an earlier version of the file keep their rows. Those that the
    file no longer has are not used any more. Raises UserError if the file is not the one that the
    run knows.
    """
    path = side_files(run.config).get("ask.pairs")
    ledger = run.ledger
    sha256 = str((ledger.meta("files") or {}).get("ask.pairs", ""))
    if sha256 == (ledger.meta(KEY) or ""):
        return
    if path is None or ledger.trusted.knows(sha256):
        ledger.set_meta(KEY, sha256)
        return
    if digests(run.config).get("ask.pairs") != sha256:
        raise UserError(
            f"{path}: gone, or not what it was when this run was started; put it back, or run the "
            "same command with --accept-change"
        )
    pairs = read_pairs(path)
    fragments = _fragments(ledger, pairs)
    known = ledger.trusted.questions()
    with ledger.transaction():
        for pair, fragment in zip(pairs, fragments, strict=True):
            id = content_id("trusted", pair.turns, pair.question, pair.answer)
            if id not in known:
                known.add(id)
                question = Question(
                    id,
                    generation,
                    fragment,
                    pair.row,
                    pair.question,
                    "stop",
                    "trusted",
                    pair.turns,
                )
                answer = content_id("answer", id, pair.answer)
                ledger.add([question, Answer(answer, id, pair.answer, "stop")])
            place = (sha256, pair.row, pair.turn, str(path), id, pair.passage, pair.document)
            ledger.add([TrustedRow(*place)])
        ledger.set_meta(KEY, sha256)


def describe(run: Run, generation: int) -> str:
    """Describe the pairs of the file; empty if none came in with this generation."""
    if not run.ledger.trusted.entered(generation):
        return ""
    found = run.ledger.trusted.counts()
    told = f"{many(found.pairs, 'trusted pair')}, {found.placed:,} of them placed in the documents"
    if repeated := found.rows - found.pairs:
        told += f"; repeated in {many(repeated, 'more row')}"
    if several := run.ledger.trusted.disagreements():
        some = ", ".join(f"rows {one.first} and {one.second}" for one in several[:3])
        told += f"; more than one answer to {many(len(several), 'question')} ({some})"
    return told


def _fragments(ledger: Ledger, pairs: Sequence[GivenPair]) -> list[str | None]:
    """Find for each pair the fragment with its passage, or else the most similar fragment of its
    document."""
    placed = ledger.sources.placed(pair.passage for pair in pairs)
    within = _Documents(ledger)
    return [placed.get(pair.passage) or within.likeliest(pair) for pair in pairs]


class _Documents:
    """Finds the fragments of documents by the names that pairs give, each name once."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._paths = {document.path: document.id for document in ledger.documents.here()}
        self._known: dict[str, list[tuple[str, Counter[str]]]] = {}

    def likeliest(self, pair: GivenPair) -> str | None:
        """The fragment that has the most terms of question and answer; None if none has any."""
        wanted = Counter(terms(f"{pair.question}\n{pair.answer}"))
        best, most = None, 0
        for id, there in self._fragments(pair.document):
            if (common := (wanted & there).total()) > most:
                best, most = id, common
        return best

    def _fragments(self, name: str) -> list[tuple[str, Counter[str]]]:
        if name not in self._known:
            ids = [
                id
                for path, id in self._paths.items()
                if name and (path == name or path.endswith(f"/{name}"))
            ]
            rows = self._ledger.fragments.of_document(ids[0]) if len(ids) == 1 else []
            self._known[name] = [
                (row.duplicate_of or row.id, Counter(terms(row.text))) for row in rows
            ]
        return self._known[name]
