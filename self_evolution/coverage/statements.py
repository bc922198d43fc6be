"""Statements: the sentences, list items and table rows of a text that say something to ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from self_evolution.documents.chunking.blocks import blocks
from self_evolution.documents.chunking.sentences import ends
from self_evolution.text.values import extract_values


class Statement(NamedTuple):
    """A sentence, item or row as it is written, and its values."""

    text: str
    values: tuple[str, ...]


def statements(text: str, language: str, kinds: Sequence[str] = ()) -> list[Statement]:
    """The statements of a Markdown text in order: parts with a value, and parts in which one of the
    regular expressions `kinds` is found.

    A part is a sentence, a row of a table below its header row, or a block of code. Headings are
    none. `language` is that of the text (ISO 639-1).
    """
    wanted = [re.compile(kind) for kind in kinds]
    found = []
    for part in _parts(text, language):
        values = tuple(extract_values(part, about=text))
        if values or any(kind.search(part) for kind in wanted):
            found.append(Statement(part, values))
    return found


def _parts(text: str, language: str) -> Iterator[str]:
    for block in blocks(text):
        body = text[block.start : block.end].strip()
        if not body or block.kind == "heading":
            continue
        if block.kind == "table":
            yield from (row.strip() for row in body.split("\n")[2:])
        elif block.kind == "fence":
            yield body
        else:
            yield from _sentences(body, language)


def _sentences(body: str, language: str) -> Iterator[str]:
    start = 0
    for end in ends(body, language):
        if end.strength in ("sentence", "line"):
            if part := body[start : end.at].strip():
                yield part
            start = end.at
