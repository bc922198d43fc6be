"""The traces of printing in a text: page headers and footers, overstrikes, breaks within
sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from self_evolution.text.script import columns

_OVERSTRIKE = re.compile(r"[^\n]\x08")
_ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_DIGITS = re.compile(r"\d+|\b[ivxlc]+\b")
_EDGE = 3  # lines at the top and at the bottom of a page that may be header and footer
_PAGES = 3  # fewest pages that can show what they have in common

# Chinese characters, kana, and the punctuation within sentences.
_WIDE = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MARKS = "、，；：。！？（）「」『』“”‘’〈〉《》・ー…"
_SHOWS_WRAPPED = re.compile(rf"[{_WIDE}][ \t]*\n[ \t]*[{_WIDE}]")
_IS_WIDE = re.compile(rf"[{_WIDE}]")
# A break before a word, but none before an item of a list, or a drawn line.
_BREAK = re.compile(
    rf"(?<=\S)[ \t]*\n[ \t]*(?=[\w{_MARKS}]|[(\[<\"'`*/$]{{1,4}}\w)"
    r"(?!(?:[-+*•●○■◆o·][ \t]|[(（]?(?:\d{1,3}|[a-zA-Z])[.)）、])|[・●○■◆①-⑳|])"
)
_TABULAR = re.compile(r"[|\t]|\S {2,}\S")
_FEWEST = 3  # breaks of the same width that show a text to be wrapped
_SLACK = 6  # columns by which a wrapped line may be short of the width: punctuation, Latin words


def unpaged(text: str) -> str:
    """A decoded text without form feeds, what repeats around them, and terminals' marks.

    A header or footer is a line at the edge of most pages that is the same but for its numbers.
    """
    if "\x08" in text:
        text = _OVERSTRIKE.sub("", text)  # bold and underlined type of a line printer
    if "\x1b" in text:
        text = _ESCAPE.sub("", text)
    if "\x0c" not in text:
        return text
    pages = [page.strip("\r\n").splitlines() for page in text.split("\x0c")]
    pages = [page for page in pages if any(line.strip() for line in page)]
    repeated = _repeated(pages)
    bodies = [_body(page, repeated) for page in pages]
    bodies = [body for body in bodies if body]
    seams = [_seam(before, after) for before, after in pairwise(bodies)]
    return "".join(map("".join, zip(bodies, [*seams, "\n"], strict=True))) if bodies else ""


def _shape(line: str) -> str:
    return " ".join(_DIGITS.sub("0", line).split())


def _repeated(pages: Sequence[Sequence[str]]) -> set[str]:
    if len(pages) < _PAGES:
        return set()
    counts = Counter(
        shape
        for page in pages
        for shape in {_shape(line) for line in (*page[:_EDGE], *page[-_EDGE:])}
        if any(char.isalnum() for char in shape)  # a line under a heading is none
    )
    # Left and right pages may differ, and the first page of a chapter has often none.
    return {shape for shape, count in counts.items() if count >= max(_PAGES, 0.4 * len(pages))}


def _body(page: Sequence[str], repeated: set[str]) -> str:
    """A page without the lines at its edges that are repeated, and the blank ones there."""
    first, last = 0, len(page)
    while first < min(_EDGE, last) and _passes(page[first], repeated):
        first += 1
    while last > max(first, len(page) - _EDGE) and _passes(page[last - 1], repeated):
        last -= 1
    return "\n".join(page[first:last]).strip("\n").rstrip()


def _passes(line: str, repeated: set[str]) -> bool:
    return not line.strip() or _shape(line) in repeated


def _seam(before: str, after: str) -> str:
    """A newline within a paragraph that goes on over the page, else a blank line."""
    line = before[before.rfind("\n") + 1 :]
    follows = after[: after.find("\n") if "\n" in after else len(after)]
    goes_on = line[-1:].isalnum() or line[-1:] in ",-(，、"
    same = len(line) - len(line.lstrip()) == len(follows) - len(follows.lstrip())
    return "\n" if goes_on and same and follows.lstrip()[:1].islower() else "\n\n"


def mended(text: str) -> str:
    """A text without the line breaks that wrap Chinese and Japanese sentences at a fixed width.

    They stand beside such a character, in lines that are about as wide as the widest of them, or
    would be with the next word; between Latin words a space takes their place. Lines of other
    scripts stay, where a break is as good as a space.
    """
    if text.isascii() or not _SHOWS_WRAPPED.search(text):
        return text
    joints = [joint for match in _BREAK.finditer(text) if (joint := _joint(text, match))]
    wide = sorted(one.width for one in joints if one.shows)
    if len(wide) < _FEWEST:
        return text
    full = wide[int(len(wide) * 0.9)]
    # With the next word, the line would have been too long.
    whole = [
        one
        for one in joints
        if one.width >= full - _SLACK or one.width + 1 + columns(first_word(one.following)) > full
    ]
    enough = sum(one.width >= full - _SLACK for one in joints if one.shows)
    if full < 20 + _SLACK or enough < max(_FEWEST, 0.6 * len(wide)):
        return text
    pieces, at = [], 0
    for one in whole:
        pieces += [text[at : one.start], one.between]
        at = one.end
    return "".join(pieces) + text[at:]


class _Joint(NamedTuple):
    """A break that may be one within a sentence, and what takes its place.

    `width` is that of the line before it; `shows` whether it stands between two wide characters.
    """

    start: int
    end: int
    width: int
    following: str
    between: str
    shows: bool


def _joint(text: str, match: re.Match[str]) -> _Joint | None:
    """A break as a joint; None within tables, and between lines of other scripts."""
    start, end = match.span()
    before, after = text[start - 1], text[end]
    begin = text.rfind("\n", 0, start) + 1
    line = text[begin:start].lstrip()
    following = text[end : end + 80].split("\n", 1)[0]
    wide = _IS_WIDE.match(before) is not None, _IS_WIDE.match(after) is not None
    known = any(wide) or _IS_WIDE.search(line) or _IS_WIDE.search(following)
    if not known or _TABULAR.search(line):
        return None
    inside = (wide[0] or before in _MARKS) and (wide[1] or after in _MARKS)
    tight = inside or "/" in (before, after)
    width = start - begin - len(line) + columns(line)
    return _Joint(start, end, width, following, "" if tight else " ", all(wide))


def first_word(line: str) -> str:
    """Return the part of a line that would have had to fit into the line before it."""
    word = line.split(None, 1)[0]
    return word if word.isascii() else word[:2]
