"""Cutting a section's text into pieces that fit the limit, where a reader would cut."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from self_evolution.documents.chunking.atoms import Atom, atoms, cut, slice_of
from self_evolution.documents.chunking.packing import halves, packed
from self_evolution.documents.chunking.tokens import Count, counted
from self_evolution.text import language


class Piece(NamedTuple):
    """A piece of a section, which covers section[start:end].

    That is also its text, except where a table's header row or a code block's fence is repeated, or
    a row was cut. `forced`: it begins or ends inside a sentence, row or line, for lack of a better
    place.
    """

    text: str
    start: int
    end: int
    tokens: int
    forced: bool = False


# Up to so many characters, or so many a token, a text may fit, and is counted as a whole.
_MAY_FIT = 50_000
_CHARACTERS_A_TOKEN = 16


def pieces(text: str, limit: int, count: Count, tokens: int | None = None) -> list[Piece]:
    """The pieces of a Markdown text, in order: none above `limit` tokens by `count`.

    A text that fits is one piece; blank text is none. All others are cut between blocks, and long
    blocks between rows (the header row repeated), lines of code (each piece a whole fence), list
    items and sentences; see `packing` for which cuts are chosen. `tokens` is what `count` says of
    the text, if that is known. Only a single character may be above the limit.
    """
    if not text.strip():
        return []
    whole = _piece(text, [Atom(0, len(text), 0.0)])
    if tokens is None and len(text) <= max(_MAY_FIT, _CHARACTERS_A_TOKEN * limit):
        (tokens,) = count([whole.text])
    if tokens is not None and tokens <= limit:
        return [whole._replace(tokens=tokens)]
    parts = atoms(text, limit, count, cache(lambda: language.detect(text)))
    return _verified(text, packed(parts, limit), limit, count)


def _verified(text: str, runs: list[list[Atom]], limit: int, count: Count) -> list[Piece]:
    """Yield the pieces of runs of atoms; a piece over the limit after joining is cut again."""
    done: list[Piece] = []
    while runs:
        made = [_piece(text, run) for run in runs]
        sizes = counted([piece.text for piece in made], count)
        again: list[list[Atom]] = []
        for run, piece, size in zip(runs, made, sizes, strict=True):
            if size > limit and (smaller := _smaller(text, run, limit, count)):
                again += smaller
            elif text[piece.start : piece.end].strip():
                done.append(piece._replace(tokens=size))
        runs = again
    return sorted(done, key=lambda piece: piece.start)


def _smaller(text: str, run: list[Atom], limit: int, count: Count) -> list[list[Atom]]:
    """Cut the run in two or more; none if it is a single character."""
    if len(run) > 1:
        return list(halves(run))
    parts = cut(text, run[0], limit, count)
    return [[part] for part in parts] if len(parts) > 1 else []


def _piece(text: str, run: Sequence[Atom]) -> Piece:
    """Strip blank lines and space around a piece, whose tokens are not counted yet."""
    first, last = run[0], run[-1]
    body = "".join(slice_of(atom, text) for atom in run)
    start, end = first.start, last.end
    if not first.row:
        # A first line keeps its indentation, as the lines after it do.
        blank = len(body) - len(body.lstrip())
        blank = body.rfind("\n", 0, blank) + 1
        body, start = body[blank:], start + blank
    if not last.row:
        end -= len(body) - len(body.rstrip())
    body = first.lead + body.rstrip() + last.trail
    return Piece(body, start, max(start, end), 0, any(atom.forced for atom in run))
