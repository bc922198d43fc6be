"""Splits a text into the parts that are compared: values, and the words, characters and signs
between them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from self_evolution.text.characters import plain_characters
from self_evolution.text.markup import unmarked
from self_evolution.text.moments import moment_at
from self_evolution.text.ranges import RANGES
from self_evolution.text.scanner import CHUNK, scan, word_key
from self_evolution.text.script import CJK, has_cjk
from self_evolution.text.token import Token

# Without the marks that only set a text off.
_PIECE = re.compile(
    rf"{CHUNK.pattern}|[{CJK}]|[^\s*`\"'“”‘’「」『』【】《》()（）\[\]{{}}]", re.VERBOSE
)
_LIST_MARKER = re.compile(
    r"""^[ \t>\#*_-]*
    (?: (?: [(（]?[0-9]{1,2} (?: [)）、] | \.(?![0-9]) ) | [①-⑳] ) [*_]*
      | (?: 第[0-9]{1,2}步 | 步骤[ ]?[0-9]{1,2} | [Ss]tep[ ][0-9]{1,2} ) [:：.、,，]
    ) [ \t]*(?=\S)""",
    re.VERBOSE | re.MULTILINE,
)
_MARKER_BEGINS = frozenset(" \t>#*_-(（0123456789第步Ss①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳")


@lru_cache(maxsize=256)
def plain(text: str) -> str:
    """`text` in one form of each character, without the list markers at its line starts."""
    text = plain_characters(unmarked(text))
    if "\n" in text:
        return _LIST_MARKER.sub("", text)
    marker = text[:1] in _MARKER_BEGINS and _LIST_MARKER.match(text)
    # An answer of one line may begin with a date: 5. März 2024.
    return text[marker.end() :] if marker and not moment_at(text, 0) else text


@lru_cache(maxsize=256)
def words(text: str, about: str = "") -> tuple[Token, ...]:
    """The values of a plain text, and the words in letters between them."""
    return tuple(_filled(text, about, CHUNK))


@lru_cache(maxsize=256)
def vocabulary(text: str, about: str = "") -> frozenset[str]:
    """The forms by which the words, codes and units of a plain text are compared."""
    tokens = words(text, about)
    known = {token.unit if token.kind == "number" else token.key for token in tokens}
    dates = (token for token in tokens if token.kind == "date")
    known.update(
        piece.key for date in dates for piece in _pieces(text, date.start, date.end, CHUNK)
    )
    return frozenset(known)


@lru_cache(maxsize=256)
def lex(text: str, about: str = "") -> tuple[Token, ...]:
    """All tokens of a plain text: its values, and the words, characters and signs between them."""
    return tuple(_filled(text, about, _PIECE))


def _filled(text: str, about: str, pattern: re.Pattern[str]) -> Iterator[Token]:
    """The values, and between them what the pattern finds; one sign for all that say "to".

    The words of a date stay words for the pattern of all pieces.
    """
    last = None
    for value in scan(text, about):
        start = last.end if last else 0
        ranged = last and last.kind == value.kind == "number" and value.start - start < 9
        if ranged and text[start : value.start].strip(" *`").lower() in RANGES:
            yield Token("sign", "~", start, value.start)
        else:
            yield from _pieces(text, start, value.start, pattern)
        if value.kind == "date" and pattern is _PIECE:
            yield from _pieces(text, value.start, value.end, pattern)
        else:
            yield value
        last = value
    yield from _pieces(text, last.end if last else 0, len(text), pattern)


def _pieces(text: str, start: int, end: int, pattern: re.Pattern[str]) -> Iterator[Token]:
    for found in pattern.finditer(text, start, end):
        piece = found[0]
        if has_cjk(piece):
            yield Token("cjk", piece, *found.span())
        else:
            yield Token("word" if piece[-1].isalnum() else "sign", word_key(piece), *found.span())


@lru_cache(maxsize=256)
def keys(text: str, about: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The compared forms of `lex(text)`, with the units that ranges share out, and without."""
    tokens = lex(text, about)
    full = [key for token in tokens for key in _keys(token, token.shared_unit)]
    written = [key for token in tokens for key in _keys(token, "")]
    return tuple(full), tuple(written)


def _keys(token: Token, shared: str) -> Iterator[str]:
    return (key for key in (token.bound, token.key, token.unit or shared) if key)
