"""Headings and code of e-books that have no elements for them, only classes of a style sheet.

Word processors write such books: all is a paragraph, and a heading is one in larger or bold type.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lxml.etree import _Element

_RULE = re.compile(r"\.([\w-]+)\s*\{([^{}]*)\}")
_SIZE = re.compile(r"font-size\s*:\s*([\d.]+)\s*(pt|px|em|rem|%)")
_BOLD = re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)")
_MONOSPACED = re.compile(r"font-family\s*:[^;]*(?:mono|courier|consolas|menlo)", re.IGNORECASE)
_POINTS = {"pt": 1.0, "px": 0.75, "em": 12.0, "rem": 12.0, "%": 0.12}
_LONGEST = 120  # letters of a heading, on average
_SHARE = 0.2  # at most this share of a book's letters is in headings


class _Look(NamedTuple):
    """Size in points, 0 where a rule leaves it open."""

    size: float = 0
    bold: bool = False
    mono: bool = False


def mark(chapters: Sequence[_Element], sheets: str) -> None:
    """Turn paragraphs that look like headings or code into the elements for these."""
    looks = {name: _look(rule) for name, rule in _RULE.findall(sheets)}
    found = [(one, list(_pieces(one, looks))) for root in chapters for one in root.iter("p")]
    letters: Counter[float] = Counter()
    for _, pieces in found:
        for look, count in pieces:
            letters[look.size] += count
    if not letters:
        return
    body = letters.most_common(1)[0][0]
    groups: dict[str, list[tuple[_Element, _Look | None, int]]] = {}
    for element, pieces in found:
        before = element.getprevious()
        goes_on = before is not None and before.tag == "pre" and not pieces
        if goes_on or _is_code(pieces, body):
            element.tag = "pre" if _stands_alone(element) else "p"
            continue
        large = _heading(pieces, body) if _stands_alone(element) else None
        count = sum(count for _, count in pieces)
        groups.setdefault(element.get("class", ""), []).append((element, large, count))
    kinds = [group for group in groups.values() if _are_headings(group, sum(letters.values()))]
    ranks = sorted({one[1] for group in kinds for one in group if one[1]}, reverse=True)
    for group in kinds:
        for element, large, _ in group:
            if large:
                element.set("role", "heading")
                element.set("aria-level", str(ranks.index(large) + 1))
    for root in chapters:
        _join_code(root)


def _look(rule: str) -> _Look:
    size = _SIZE.search(rule)
    points = float(size[1].rstrip(".") or 0) * _POINTS[size[2]] if size else 0
    return _Look(points, bool(_BOLD.search(rule)), bool(_MONOSPACED.search(rule)))


def _pieces(paragraph: _Element, looks: dict[str, _Look]) -> Iterator[tuple[_Look, int]]:
    """Yield the style of each piece of a paragraph, and its number of letters."""
    base = looks.get(paragraph.get("class", ""), _Look())
    sources = [(base, paragraph.text)]
    for child in paragraph:
        own = looks.get(child.get("class", ""), _Look())
        mixed = _Look(own.size or base.size, own.bold or base.bold, own.mono or base.mono)
        sources += [(mixed, "".join(child.itertext())), (base, child.tail)]
    for look, text in sources:
        count = len("".join((text or "").split()))
        if count:
            yield look, count


def _is_code(pieces: list[tuple[_Look, int]], body: float) -> bool:
    return bool(pieces) and all(look.mono and look.size <= body for look, _ in pieces)


def _heading(pieces: list[tuple[_Look, int]], body: float) -> _Look | None:
    """The look of a paragraph that is larger or bolder than the text throughout."""
    if not pieces:
        return None
    size, bold = min(look.size for look, _ in pieces), all(look.bold for look, _ in pieces)
    return _Look(size, bold) if size > body * 1.05 or (bold and size >= body) else None


def _are_headings(group: list[tuple[_Element, _Look | None, int]], whole: int) -> bool:
    """Whether nearly all paragraphs of one class are headings."""
    marked = [one for one in group if one[1]]
    count = sum(letters for *_, letters in marked)
    written = sum(letters > 0 for *_, letters in group)
    return (
        len(marked) >= 0.9 * written > 0
        and count <= _LONGEST * len(marked)
        and count < _SHARE * whole
    )


def _stands_alone(element: _Element) -> bool:
    """Whether a paragraph is in no table, list or quotation."""
    above = element.getparent()
    return above is not None and above.tag in ("body", "div", "section")


def _join_code(root: _Element) -> None:
    """Lines of code that follow each other directly become one block."""
    group: list[_Element] = []
    for block in list(root.iter("pre")):
        if group and (block.getprevious() is not group[-1] or (group[-1].tail or "").strip()):
            _join(group)
            group = []
        group.append(block)
    _join(group)


def _join(group: list[_Element]) -> None:
    text = "\n".join("".join(block.itertext()) for block in group)
    for block in group[1:]:
        above = block.getparent()
        if above is not None:
            above.remove(block)
    for first in group[:1]:
        tail = group[-1].tail
        for child in list(first):
            first.remove(child)
        first.text, first.tail = text, tail
