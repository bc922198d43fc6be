"""Joining before cutting: overlapping passages are merged, short neighbouring sections gathered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Heading = tuple[str, ...]


def mend(parts: Sequence[tuple[str, int]]) -> tuple[str, list[int]]:
    """The text of a chain of passages, and the offset at which each of them begins.

    Each passage is (text, overlap): its first `overlap` characters repeat the end of the text so
    far, and are left out. A passage without overlap begins a new paragraph.
    """
    joined: list[str] = []
    size = 0
    starts = []
    for text, overlap in parts:
        if not (0 < overlap <= len(text) and _tail(joined, overlap) == text[:overlap]):
            overlap = 0
            if joined:
                joined.append("\n\n")
                size += 2
        starts.append(size - overlap)
        joined.append(text[overlap:])
        size += len(text) - overlap
    return "".join(joined), starts


def _tail(joined: Sequence[str], size: int) -> str:
    """The last `size` characters, or all if there are fewer."""
    found: list[str] = []
    missing = size
    for text in reversed(joined):
        if missing <= 0:
            break
        found.append(text[-missing:])
        missing -= len(text)
    return "".join(reversed(found))


class Group(NamedTuple):
    """Consecutive sections that are treated as one.

    `heading` is the common part of their heading paths; the rest of a member's path stands as a
    Markdown heading before its text. `starts[k]` is the offset in `text` at which the text of the
    member `indices[k]` begins.
    """

    indices: tuple[int, ...]
    heading: Heading
    text: str
    starts: tuple[int, ...]


def gather(sections: Sequence[tuple[Heading, str, int]], least: int, limit: int) -> list[Group]:
    """Group all sections of a document (heading path, text, tokens), in order.

    A section shorter than `least` tokens joins its neighbours under the same parent heading, if all
    together fit `limit`. The text right below the parent heading is such a neighbour too. A section
    joins the group before it if either of them is short; but a short introduction joins the section
    after it, if they fit together. So a section of `least` tokens or more stays alone, unless it
    has a short neighbour. With `least` 0 all sections stay alone.
    """
    groups: list[list[int]] = []
    parents: set[Heading] = set()
    size = 0
    for i, (heading, _, tokens) in enumerate(sections):
        common = parents & _parents(heading)
        cost = tokens + _title_size(heading)
        waits = tokens < least and _introduces(sections, i, limit)
        short = min(tokens, size) < least and not waits
        if groups and common and short and size + cost <= limit:
            groups[-1].append(i)
            parents, size = common, size + cost
        else:
            groups.append([i])
            parents, size = _parents(heading), cost
    return [_group(sections, members) for members in groups]


def _parents(heading: Heading) -> set[Heading]:
    """The headings under which a section can be a neighbour of others."""
    return {heading, heading[:-1]}


def _introduces(sections: Sequence[tuple[Heading, str, int]], at: int, limit: int) -> bool:
    """Whether the next section stands right below this one's heading, and fits with it."""
    if at + 1 == len(sections):
        return False
    (heading, _, tokens), (below, _, more) = sections[at : at + 2]
    fits = tokens + more + _title_size(heading) + _title_size(below) <= limit
    return len(below) == len(heading) + 1 and below[:-1] == heading and fits


def _title_size(heading: Heading) -> int:
    """An upper estimate of the tokens of a heading line: each character may be one."""
    return len(heading[-1]) + 4 if heading else 2


def _group(sections: Sequence[tuple[Heading, str, int]], members: Sequence[int]) -> Group:
    paths = [sections[i][0] for i in members]
    common = paths[0]
    for path in paths[1:]:
        same = [a == b for a, b in zip(common, path, strict=False)]
        common = common[: same.index(False) if False in same else len(same)]
    text = ""
    starts = []
    shown = common
    for i, path in zip(members, paths, strict=True):
        text += "\n\n" if text else ""
        if path != shown:
            titles = enumerate(path[len(common) :], len(common) + 1)
            text += "".join(f"{'#' * min(6, level)} {title}\n\n" for level, title in titles)
            shown = path
        starts.append(len(text))
        text += sections[i][1]
    return Group(tuple(members), common, text, tuple(starts))
