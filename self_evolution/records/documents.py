"""Documents, and what they are split into."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """One file. `problem` says why it could not be read, or is None.

    `note` says which part of it could not be read. `container` is the SHA-256 of the archive or
    mail that contains it. `sha256` is empty if the file could not even be opened.
    """

    id: str
    path: str
    sha256: str
    format: str
    title: str
    problem: str | None = None
    note: str = ""
    container: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a document after it was read: `changed`, `withdrawn`, or `returned`.

    The last event of a document counts; a document without any event is as it was read.
    """

    position: int
    document_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a document under one heading path, before it is split to size.

    `start` and `end` are character offsets in the document's text. `pages` has pairs (offset in the
    section's text, page number). The first `overlap` characters repeat the end of the section
    before.
    """

    id: str
    document_id: str
    position: int
    heading: tuple[str, ...]
    text: str
    start: int
    end: int
    pages: tuple[tuple[int, int], ...] = ()
    overlap: int = 0


@dataclass(frozen=True, slots=True)
class Fragment:
    """The unit of asking: a section's text, a part of it that fits, or several short sections.

    `section_id` is the section in which it begins, `page` the page, if there are pages.
    `duplicate_of` names an earlier fragment, which is equal to this one (`exact`), says everything
    that this one says (`near`), or contains this passage (`passage`). `number` numbers fragments in
    the order in which they were made. `own` is the text without what a mail quotes of other mails.
    It is None if nothing is quoted, and empty if too little is left to ask about.
    """

    id: str
    document_id: str
    section_id: str
    position: int
    heading: tuple[str, ...]
    text: str
    start: int
    end: int
    page: int | None
    tokens: int
    language: str
    number: int
    duplicate: str | None = None
    duplicate_of: str | None = None
    own: str | None = None

    @property
    def askable(self) -> str:
        """The text that questions are asked about, and answered from."""
        return self.text if self.own is None else self.own

    def titled(self, text: str) -> str:
        """Return text of this fragment below its heading path, because the subject may be named
        there only."""
        return "\n".join(filter(None, (" > ".join(self.heading), text)))
