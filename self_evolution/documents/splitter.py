"""Splits consecutive sections: they are joined, cut to size, and compared with all earlier text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from self_evolution import config
from self_evolution.documents.chunking import gather, mend, pieces
from self_evolution.documents.chunking.likeness import NearDuplicates
from self_evolution.documents.quotes import own_words
from self_evolution.ledger import Ledger
from self_evolution.records import Fragment, Section, content_id
from self_evolution.text.language import detect

_SPLIT_ALREADY = ("json", "jsonl", "ndjson")
_OPENING = 3000  # characters of a document that tell its language

SHORTEST = 20
"""Characters of the shortest fragment; shorter ones are left out."""


class _Stretch(NamedTuple):
    """Consecutive sections as one text, and the offset at which each of them begins.

    `tokens` is the length of the text if it is known.
    """

    heading: tuple[str, ...]
    text: str
    members: list[Section]
    starts: list[int]
    tokens: int | None

    def member(self, offset: int) -> int:
        """The index of the section to which the character at `offset` belongs, in its text or in
        its heading."""
        ends = (
            start + len(section.text)
            for start, section in zip(self.starts, self.members, strict=True)
        )
        return next((k for k, end in enumerate(ends) if offset < end), len(self.members) - 1)

    def place(self, offset: int) -> int:
        """The offset in the document's text; before a section's own text, the offset of its
        beginning."""
        k = self.member(offset)
        section = self.members[k]
        return min(section.start + max(0, offset - self.starts[k]), section.end)

    def page(self, offset: int) -> int | None:
        k = self.member(offset)
        inside = max(0, offset - self.starts[k])
        return max(
            ((at, page) for at, page in self.members[k].pages if at <= inside), default=(0, None)
        )[1]


class Splitter:
    """Makes fragments, and compares them with the existing ones."""

    def __init__(
        self,
        settings: config.Split,
        ledger: Ledger,
        count: Callable[[Sequence[str]], list[int]],
        overlapping: set[str],
    ) -> None:
        """`count` gives the length of each text in tokens.

        `overlapping` are the documents whose sections repeat one another's ends.
        """
        self._ledger = ledger
        self._count = count
        self._overlapping = overlapping
        self._settings = settings
        self._formats = {document.id: document.format for document in ledger.documents.all()}
        self._languages: dict[str, str] = {}
        self._first: dict[str, tuple[str, str]] = {}  # content -> (first fragment, exact or near)
        self._passages: dict[str, str] = {}  # passage of overlapping ones -> its first fragment
        self._pending: dict[str, str] = {}  # texts that are not in the ledger yet
        self._positions: Counter[str] = Counter()
        self._made = ledger.count("fragment")
        self._likeness: NearDuplicates | None = None
        if self._settings.near_duplicates < 1:
            self._likeness = NearDuplicates(self._settings.near_duplicates, self._compared)
        for fragment in ledger.fragments.first():
            self._first[_key(fragment.heading, fragment.text)] = (fragment.id, "exact")
            if self._likeness and fragment.own != "":
                self._likeness.remember(fragment.id, _compared(fragment))
        for heading, text, first in ledger.fragments.passages():
            self._passages.setdefault(_key(heading, text), first)

    def committed(self) -> None:
        """Note that all fragments made so far are in the ledger."""
        self._pending.clear()

    def fragments(self, sections: Sequence[Section]) -> Iterator[Fragment]:
        """Yield the fragments of consecutive sections of one document."""
        chained = sections[0].document_id in self._overlapping
        again: list[Section] = []
        chains: list[list[Section]] = []
        seen: set[str] = set()
        goes_on = False
        for section in sections:
            key = _key(section.heading, section.text)
            if chained and (key in self._passages or key in seen):
                again.append(section)
                goes_on = False
                continue
            seen.add(key)
            if goes_on and section.overlap and section.heading == chains[-1][-1].heading:
                chains[-1].append(section)
            else:
                chains.append([section])
            goes_on = True
        made: list[Fragment] = []
        for stretch in self._stretches(chains):
            for fragment in self._pieces(stretch):
                made.append(fragment)
                yield fragment
        if chained:
            self._remember_passages(sections, made)
            yield from self._repeated(again)

    def _stretches(self, chains: Sequence[Sequence[Section]]) -> Iterator[_Stretch]:
        """Yield chains, joined with short neighbours under the same heading."""
        mended = [mend([(section.text, section.overlap) for section in chain]) for chain in chains]
        whole = not chains or self._formats[chains[0][0].document_id] in _SPLIT_ALREADY
        least = 0 if whole else self._settings.min_tokens
        tokens = self._count([text for text, _ in mended])
        rows = [
            (chain[0].heading, text, size)
            for chain, (text, _), size in zip(chains, mended, tokens, strict=True)
        ]
        for group in gather(rows, least, self._settings.max_tokens):
            members = [section for i in group.indices for section in chains[i]]
            starts = [
                begin + start
                for i, begin in zip(group.indices, group.starts, strict=True)
                for start in mended[i][1]
            ]
            alone = len(group.indices) == 1
            size = tokens[group.indices[0]] if alone else None
            yield _Stretch(group.heading, group.text, members, starts, size)

    def _pieces(self, stretch: _Stretch, first: str | None = None) -> Iterator[Fragment]:
        """Yield the fragments of a text; `first` is the fragment that is known to contain all of
        it."""
        limit = self._settings.max_tokens
        for piece in pieces(stretch.text, limit, self._count, stretch.tokens):
            if len(piece.text) < SHORTEST:
                continue
            section = stretch.members[stretch.member(piece.start)]
            yield self._fragment(
                section,
                stretch.heading,
                piece.text,
                stretch.place(piece.start),
                stretch.place(piece.end - 1) + 1,
                stretch.page(piece.start),
                piece.tokens,
                first,
            )

    def _fragment(
        self,
        section: Section,
        heading: tuple[str, ...],
        text: str,
        start: int,
        end: int,
        page: int | None,
        tokens: int,
        first: str | None,
    ) -> Fragment:
        """Return a fragment, marked as the duplicate of `first`, or of an earlier fragment found
        here.

        Two fragments are near-duplicates if the text that may be asked about is nearly the same in
        both. The heading counts too, because it is in the prompt: the same words under another
        heading state another fact.
        """
        position = self._positions[section.id]
        self._positions[section.id] += 1
        id = content_id("fragment", section.id, position, text)
        number, self._made = self._made, self._made + 1
        own = self._own(section, text)
        kind, key = "exact" if first is None else "passage", _key(heading, text)
        if first is None and key in self._first:
            first, kind = self._first[key]
        elif first is None:
            if self._likeness and own != "":
                asked = text if own is None else own
                first = self._likeness.first_like(id, "\n".join((*heading, asked)))
            kind = "near"
            self._first[key] = (first, "near") if first else (id, "exact")
        fragment = Fragment(
            id=id,
            document_id=section.document_id,
            section_id=section.id,
            position=position,
            heading=heading,
            text=text,
            start=start,
            end=end,
            page=page,
            tokens=tokens,
            language=detect(text, self._language(section.document_id)),
            number=number,
            duplicate=kind if first else None,
            duplicate_of=first,
            own=own,
        )
        if first is None and self._likeness and own != "":
            self._pending[id] = _compared(fragment)
        return fragment

    def _own(self, section: Section, text: str) -> str | None:
        """What a mail says itself, if it quotes others; empty if that is too short to ask about."""
        if self._formats[section.document_id] != "eml":
            return None
        own = own_words(text)
        return None if own == text else own if len(own) >= SHORTEST else ""

    def _remember_passages(self, sections: Sequence[Section], made: Sequence[Fragment]) -> None:
        """Remember in which fragment each passage begins."""
        for section in sections:
            inside = (f for f in made if f.start <= section.start < f.end)
            if fragment := next(inside, None):
                first = fragment.duplicate_of or fragment.id
                self._passages.setdefault(_key(section.heading, section.text), first)

    def _repeated(self, sections: Sequence[Section]) -> Iterator[Fragment]:
        """Yield the passages that stand in an earlier fragment, unchanged."""
        for section in sections:
            first = self._passages.get(_key(section.heading, section.text))
            if first is not None:
                alone = _Stretch(section.heading, section.text, [section], [0], None)
                yield from self._pieces(alone, first)

    def _language(self, document_id: str) -> str:
        if document_id not in self._languages:
            self._languages = {  # of the document in hand alone
                document_id: detect(self._ledger.documents.opening_text(document_id, _OPENING))
            }
        return self._languages[document_id]

    def _compared(self, id: str) -> str:
        """The text of an earlier fragment in the form that is compared."""
        if id in self._pending:
            return self._pending[id]
        (fragment,) = self._ledger.fragments.get([id])
        return _compared(fragment)


def _key(heading: Sequence[str], text: str) -> str:
    return content_id(heading, text)


def _compared(fragment: Fragment) -> str:
    return "\n".join((*fragment.heading, fragment.askable))
