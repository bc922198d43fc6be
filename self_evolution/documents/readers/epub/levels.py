"""Levels of headings by the table of contents, if the chapters themselves have only one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lxml.etree import _Element

from self_evolution.documents.readers.base import normal
from self_evolution.documents.readers.html.elements import HEADINGS

_DEEPEST = 6
_LINKED = 0.8  # share of a list's letters in links from which it is a table of contents
_WORDS = 12  # words besides such lists from which a page is kept


class Entry(NamedTuple):
    """A line in the table of contents: its depth (from 1), its text, and its target."""

    depth: int
    label: str
    anchor: str = ""


class Placed(NamedTuple):
    """A heading that the table of contents has, its own level, and the one that it has there."""

    heading: _Element
    own: int
    depth: int


def shown(element: _Element) -> str:
    return " ".join(normal("".join(element.itertext())).split())


def same(heading: str, label: str) -> bool:
    """Whether a heading is the one that the table of contents names; one may have a number more."""
    one, other = "".join(heading.split()).casefold(), "".join(label.split()).casefold()
    return bool(other) and (one in other or other in one)


def place(root: _Element, entries: Sequence[Entry]) -> list[Placed]:
    """The headings of a chapter that the table of contents has: by their anchors, or their text.

    A heading's anchor is its own, one in it, or that of the section that it begins.
    """
    headings = [(one, text) for one in root.iter(*HEADINGS) if (text := shown(one))]
    anchors: dict[str, int] = {}
    for number, (heading, _) in enumerate(headings):
        for one in heading.iter("*"):
            anchors.setdefault(one.get("id", ""), number)
        for one in heading.iterancestors():
            anchors.setdefault(one.get("id", ""), number)
    found: dict[int, Placed] = {}
    at = 0  # entries and headings are in the same order
    for entry in entries:
        number = anchors.get(entry.anchor, -1) if entry.anchor else -1
        if number < 0 and not at and headings and same(headings[0][1], entry.label):
            number = 0
        elif number < 0:
            alike = (n for n in range(at, len(headings)) if headings[n][1] == entry.label)
            number = next(alike, -1)
        if number >= 0 and number not in found:
            heading = headings[number][0]
            found[number] = Placed(heading, int(str(heading.tag)[1]), entry.depth)
            at = number + 1
    return [found[number] for number in sorted(found)]


def are_flat(chapters: Sequence[Sequence[Placed]]) -> bool:
    """Whether headings of one level in a chapter stand at different depths in the table."""
    for placed in chapters:
        depths: dict[int, set[int]] = {}
        for one in placed:
            depths.setdefault(one.own, set()).add(one.depth)
        if any(len(some) > 1 for some in depths.values()):
            return True
    return False


def level(root: _Element, placed: Sequence[Placed]) -> None:
    """Give the headings of a chapter the levels of the table of contents. A heading that is not in
    the table stands under the last heading before it that is."""
    known = {one.heading: one for one in placed}
    last: Placed | None = None
    for heading in list(root.iter(*HEADINGS)):
        own = int(str(heading.tag)[1])
        if heading in known:
            last = known[heading]
            depth = last.depth
        elif last is not None:
            depth = last.depth + max(1, own - last.own)
        else:
            continue
        heading.tag = f"h{min(depth, _DEEPEST)}"


def without_lists(root: _Element) -> bool:
    """Remove the lists of links from a page; returns whether any text is left."""
    for one in list(root.iter("ul", "ol", "dl", "nav")):
        letters = len("".join(one.itertext()).split())
        linked = sum(len("".join(link.itertext()).split()) for link in one.iter("a"))
        above = one.getparent()
        if above is not None and linked >= _LINKED * letters > 0:
            one.text = one.tail = None
            for child in list(one):
                one.remove(child)
    body = root.find(".//body")
    content = "".join((root if body is None else body).itertext())
    headings = "".join(shown(one) + " " for one in root.iter(*HEADINGS))
    return len(content.split()) >= _WORDS + len(headings.split())
