"""Atoms: the parts that pieces are made of, each within the limit, with the price of a cut
before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from self_evolution.documents.chunking import tables
from self_evolution.documents.chunking.blocks import Block, blocks
from self_evolution.documents.chunking.sentences import ends
from self_evolution.documents.chunking.tokens import Count, counted, forced


@dataclass(slots=True)
class Atom:
    """The text[start:end] of a section, or `row` instead if it is a part of a table's cell.

    `cut` is the price of a cut before it: 0 for a good place, above 1 for one to be avoided even if
    that takes another piece. `lead` and `trail` stand around a piece that begins or ends with it
    (header row, fence), and cost `lead_tokens` and `trail_tokens`.
    """

    start: int
    end: int
    cut: float
    lead: str = ""
    trail: str = ""
    row: str = ""
    forced: bool = False
    tokens: int = 0
    lead_tokens: int = 0
    trail_tokens: int = 0

    @property
    def all_tokens(self) -> int:
        return self.lead_tokens + self.tokens + self.trail_tokens


# Prices of a cut. A piece costs 1 (see packing): it is better to have one more than a dangling end.
DANGLING = 2.0
CAPTION = 1.2
TITLE = 0.8
FORCED = 0.8
_WITHIN = {"space": 0.7, "phrase": 0.45, "sentence": 0.4, "line": 0.25}
_ROW = 0.3
_CODE = 0.4
_CODE_BLANK = 0.25
_AROUND = 1.2  # a fence without code in it is no use
_ITEM = 0.1
_NESTED = 0.45
_MORE = 0.6
_TOUCHING = 0.12

_INTRODUCES = re.compile(r"[:：]\s*$|^\s*(?:\*\*[^*\n]+\*\*|__[^_\n]+__)\s*$")
_OPEN_ENDED = re.compile(r"[^.!?。！？;；,，、…\s]\s*$")
_CAPTION = re.compile(r"^[\s*_]*[^\W\d_]{1,12}\.?[ \t]{0,2}\d{1,3}(?:[.\-–]\d+)*(?!\d)")
_HIGH = 120
_TITLE_HIGH = 60


def atoms(text: str, limit: int, count: Count, language: Callable[[], str]) -> list[Atom]:
    """The atoms of `text` in order. `language` is called only if sentences must be found."""
    found = blocks(text)
    sizes = counted([text[block.start : block.end] for block in found], count)
    parts: list[Atom] = []
    before: Block | None = None
    for block, size in zip(found, sizes, strict=True):
        price = _price(text, before, block)
        if size * 4 <= limit:
            parts.append(Atom(block.start, block.end, price))
        else:
            parts += _divided(text, block, price, limit, count, language)
        before = block
    return _within(text, _counted(text, parts, count), limit, count)


def slice_of(atom: Atom, text: str) -> str:
    return atom.row or text[atom.start : atom.end]


def _divided(
    text: str, block: Block, price: float, limit: int, count: Count, language: Callable[[], str]
) -> Iterator[Atom]:
    """The atoms of a long block."""
    if block.kind == "fence":
        yield from _of_fence(text, block, price, limit, count)
    elif block.kind == "table":
        yield from _of_table(text, block, price, limit, count)
    else:
        words = text[block.start : block.end].rstrip()
        start, last = block.start, price
        for at, strength in ends(words, language()):
            stop = block.start + at if at < len(words) else block.end
            yield Atom(start, stop, last)
            last = _WITHIN[strength] + _dangling(text[start:stop])
            start = stop


def _of_table(text: str, block: Block, price: float, limit: int, count: Count) -> Iterator[Atom]:
    """Yield rows; each piece gets the header row again, unless that alone takes half of the
    limit."""
    lines = _lines(text, block)
    head = text[block.start : lines[1][1]].lstrip("\n").rstrip() + "\n"
    if 2 * count([head])[0] > limit:
        yield from (Atom(start, end, _ROW if i else price) for i, (start, end) in enumerate(lines))
        return
    first = lines[2][1] if len(lines) > 2 else block.end
    room = counted([text[block.start : first]], count)[0]
    if room > limit:  # the first row has to be cut, and so stands alone
        first = lines[1][1]
    yield Atom(block.start, first, price)
    for start, end in lines[2:]:
        if start >= first:
            yield Atom(start, end, _ROW, lead=head)


def _of_fence(text: str, block: Block, price: float, limit: int, count: Count) -> Iterator[Atom]:
    """Yield lines of code; each piece is a fence again, unless that alone takes half of the
    limit."""
    lines = _lines(text, block)
    head = text[slice(*lines[0])].lstrip("\n").rstrip() + "\n"
    indent = head[: len(head) - len(head.lstrip())]
    tail = "\n" + indent + block.mark
    closing = text[slice(*lines[-1])].strip()
    closed = len(lines) > 1 and closing.startswith(block.mark) and not closing.strip(block.mark[0])
    if 2 * count([head + tail])[0] > limit:
        head = tail = ""
        lines = lines[1 : -1 if closed else None]
    around = {1, len(lines) - 1} if head else set()
    for i, (start, end) in enumerate(lines):
        blank = i > 0 and not text[slice(*lines[i - 1])].strip()
        yield Atom(
            start,
            end,
            price if i == 0 else _AROUND if i in around else _CODE_BLANK if blank else _CODE,
            lead=head if i else "",
            trail=tail if not closed or i < len(lines) - 1 else "",
        )


def _lines(text: str, block: Block) -> list[tuple[int, int]]:
    """(start, end) of the lines of a block; blank lines after a line belong to it."""
    bare = text[block.start : block.end].rstrip()
    found = []
    at = block.start
    for line in bare.split("\n"):
        found.append((at, at + len(line) + 1))
        at += len(line) + 1
    found[-1] = (found[-1][0], block.end)
    return found


def _price(text: str, before: Block | None, block: Block) -> float:
    """Return the price of a cut between two blocks."""
    if before is None:
        return 0.0
    price = 0.0 if block.apart or block.kind in ("heading", "fence", "table") else _TOUCHING
    if block.kind == "more":
        price = _MORE
    elif block.kind == "item":
        price = _ITEM if block.depth < 2 else _NESTED + 0.05 * min(block.depth // 2, 4)
    if before.kind == "heading":
        return price + DANGLING
    if before.kind == "table" and block.kind == "paragraph":
        line = text[block.start : block.end].strip()
        return price + (CAPTION if len(line) <= _HIGH and _CAPTION.match(line) else 0.0)
    if before.kind in ("table", "fence"):
        return price
    words = text[max(before.start, before.end - 4 * _HIGH) : before.end]
    return price + max(_dangling(words), _leading(words, before, block))


def _dangling(words: str) -> float:
    """Return the price of a cut after words that introduce the text that follows."""
    line = words.rstrip()
    return DANGLING if _INTRODUCES.search(line[line.rfind("\n") + 1 :]) else 0.0


def _leading(words: str, before: Block, block: Block) -> float:
    """Return the price of a cut after a line that looks like the title or caption of the next
    block."""
    line = words.strip()
    line = line[line.rfind("\n") + 1 :]
    if before.kind not in ("paragraph", "more") or len(line) > _HIGH:
        return 0.0
    if block.kind == "table" and (_CAPTION.match(line) or _OPEN_ENDED.search(line)):
        return CAPTION
    alone = "\n" not in words.strip() and before.end - before.start == len(words)
    titled = len(line) <= _TITLE_HIGH and _OPEN_ENDED.search(line)
    return TITLE if titled and (alone or block.kind in ("item", "fence")) else 0.0


def _counted(text: str, parts: list[Atom], count: Count) -> list[Atom]:
    """Return the atoms with their token counts."""
    sizes = counted([slice_of(atom, text) for atom in parts], count)
    around = sorted({atom.lead for atom in parts} | {atom.trail for atom in parts} - {""})
    more = dict(zip(around, counted(around, count), strict=True)) | {"": 0}
    for atom, size in zip(parts, sizes, strict=True):
        atom.tokens = size
        atom.lead_tokens, atom.trail_tokens = more[atom.lead], more[atom.trail]
    return parts


def _within(text: str, parts: Sequence[Atom], limit: int, count: Count) -> list[Atom]:
    """Return the atoms, where one over the limit is cut although it has no good place for it."""
    found: list[Atom] = []
    for atom in parts:
        found += [atom] if atom.all_tokens <= limit else cut(text, atom, limit, count)
    return found


def cut(text: str, atom: Atom, limit: int, count: Count) -> list[Atom]:
    """Yield the parts of an atom that is over the limit; a single character stays whole."""
    if atom.lead and tables.is_head(atom.lead) and not atom.row:
        rows = tables.cells(text[atom.start : atom.end], atom.lead, limit, count)
        parts = [
            replace(atom, start=atom.start + start, end=atom.start + end, row=row, forced=True)
            for start, end, row in rows
        ]
    elif atom.row:
        return [atom]
    else:
        parts = _forced(text, atom, limit, count)
    for part in parts[1:]:
        part.cut = FORCED
    return _counted(text, parts, count)


def _forced(text: str, atom: Atom, limit: int, count: Count) -> list[Atom]:
    def size(part: str) -> int:
        return count([atom.lead + part + atom.trail])[0]

    parts = []
    at = atom.start
    for part in forced(text[atom.start : atom.end], limit, size):
        parts.append(replace(atom, start=at, end=at + len(part), forced=True))
        at += len(part)
    return parts
