"""Documents, and what they are split into."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """One file, or one that could not be read and why (`problem`).

    `note` says what in it could not be read. `container` is the SHA-256 of the archive or mail
    that it came out of. `sha256` is empty for what could not even be opened as a file.
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

    The last event of a document counts; one without any is as it was read.
    """

    position: int
    document_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a document under one heading path, before it is split to size.

    `start` and `end` are character offsets in the document's text. `pages` are (offset in the
    section's text, page number); the first `overlap` characters repeat the end of the section
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

    `section_id` is the section that it begins in, `page` the page, where there are pages.
    `duplicate_of` names an earlier fragment: equal to this one (`exact`), one that says all of it
    (`near`), or one that this passage stands in (`passage`). `number` counts fragments as made.
    `own` is the text without what a mail quotes of others; None where nothing is quoted, empty
    where too little is left to ask about.
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
        """Text of this fragment below the heading path, which alone may name the subject."""
        return "\n".join(filter(None, (" > ".join(self.heading), text)))
