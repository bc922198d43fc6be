"""Texts that were printed with an indentation as a whole, moved back to the margin."""

from __future__ import annotations

import re
from collections import Counter

from self_evolution.documents.readers.plain.wrapped import first_word
from self_evolution.text.script import columns

_FIXED = re.compile(r"\n[ \t]*\xa0[ \t\xa0]*")  # no-break spaces that indent a line
_BLANK = re.compile(r"\n[ \t]+(?=\n)")
_INDENTED = re.compile(r"\n( *)(?=[^\s])")
_LEAST = 2  # columns of a margin
_MOST = 12
_SHARE = 0.35  # the share of lines that must stand at the margin
_AT_EDGE = 0.3  # of the lines that may stand at no margin: headings, title page
_HANGING = 0.05  # of the lines that may stand right above one that is indented more, as in code
_BEGINNING = 150_000  # characters that are looked at to tell prose from code
_WRAPPED = 0.45  # of their lines that are full and end with a word, in prose
_NARROWEST = 45  # columns of such lines


def flush(text: str) -> str:
    """Return a text without the indentation that all of its prose has.

    Prose is told from code by its lines: the next word would not have fitted into them. What is
    indented less stays in its place, what is indented more keeps the difference.
    """
    if "\xa0" in text:
        text = _FIXED.sub(lambda match: "\n" + " " * (len(match[0]) - 1), "\n" + text)[1:]
    found = Counter(map(len, _INDENTED.findall("\n" + text)))
    margin = max(found, key=lambda size: found[size], default=0)
    lines = found.total()
    if not (
        _LEAST <= margin <= _MOST
        and found[margin] >= _SHARE * lines
        and found[0] <= _AT_EDGE * lines
        and _hanging(text, margin) <= _HANGING * lines
        and _is_prose(text, margin)
    ):
        return text
    blocks = _BLANK.sub("\n", text).split("\n\n")
    return "\n\n".join(_moved(block, margin) for block in blocks)


def _hanging(text: str, margin: int) -> int:
    """Count the lines at the margin, or less indented, right above a line that is more indented."""
    pattern = rf"\n {{0,{margin}}}[^\s][^\n]*(?=\n {{{margin + 1},}}[^\s])"
    return len(re.findall(pattern, text))


def _is_prose(text: str, margin: int) -> bool:
    pairs = []
    before = ""
    for line in text[:_BEGINNING].split("\n"):
        here = line.rstrip()
        if len(here) - len(here.lstrip(" ")) != margin:
            here = ""
        if here and before:
            pairs.append((before, here))
        before = here
    if len(pairs) < 5:
        return False
    widths = sorted(columns(line) for line, _ in pairs)
    width = widths[int(len(widths) * 0.9)]
    full = sum(
        columns(line) + 1 + columns(first_word(following)) >= width for line, following in pairs
    )
    in_words = sum(line[-1].isalnum() for line, _ in pairs)
    return width >= _NARROWEST and min(full, in_words) >= _WRAPPED * len(pairs)


def _moved(block: str, margin: int) -> str:
    """A block without the margin, or without what it has of it; a comment is to be no heading."""
    whole = " " * margin
    full = block.startswith(whole) and block.count("\n") == block.count("\n" + whole)
    if full and "#" not in block:
        return block[margin:].replace("\n" + whole, "\n")
    lines = block.split("\n")
    if "#" in block and any(line.lstrip().startswith("#") for line in lines):
        return block
    indent = " " * min((margin, *(len(one) - len(one.lstrip(" ")) for one in lines if one)))
    return "\n".join(line.removeprefix(indent) for line in lines)
