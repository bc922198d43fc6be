"""What printers leave in a text: page headers and footers, overstrikes, breaks within sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

_OVERSTRIKE = re.compile(r"[^\n]\x08")
_ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_DIGITS = re.compile(r"\d+|\b[ivxlc]+\b")
_EDGE = 3  # lines at the top and the bottom of a page that may be its header and footer
_PAGES = 3  # fewest pages that can show what they have in common

# Chinese characters, kana, and the punctuation within sentences.
_WIDE = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_JOINT = re.compile(rf"(?<=[{_WIDE}、，；：（「『“])\n(?=[{_WIDE}「『（“〈《])")
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

    They stand between two such characters, in lines that are all about as wide as the widest of
    them; lines of Latin letters stay, where a break is as good as a space.
    """
    if text.isascii():
        return text
    joints = []
    for match in _JOINT.finditer(text):
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        if not _TABULAR.search(line.strip()):
            joints.append((match.start(), _columns(line)))
    widths = sorted(width for _, width in joints)
    if len(widths) < _FEWEST:
        return text
    full = widths[int(len(widths) * 0.9)] - _SLACK
    whole = [at for at, width in joints if width >= full]
    if full < 20 or len(whole) < max(_FEWEST, 0.6 * len(joints)):
        return text
    ends = [*whole, len(text)]
    return text[: ends[0]] + "".join(
        text[at + 1 : end] for at, end in zip(whole, ends[1:], strict=True)
    )


def _columns(line: str) -> int:
    """Width of a line on a terminal: wide characters take two columns."""
    return len(line) + sum(char > "\u2e7f" for char in line)
