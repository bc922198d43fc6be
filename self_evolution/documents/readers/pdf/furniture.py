"""The text on a PDF's pages outside its content: running heads, page numbers, tables of
contents."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise, takewhile

from self_evolution.documents.readers.pdf.lines import Line

_NUMBER = re.compile(r"\d{1,9}|^[ivxlcdmIVXLCDM]{1,9}\b|\b[ivxlcdmIVXLCDM]{1,9}$")
_OTHER = re.compile(r"[\W_]+")
_SPACE = 1.35  # font sizes from line to line that divide running lines from the text
_LABELLED = re.compile(r"^[^\W\d]{1,12}\d{1,3}")  # `chapter3`
_START = 6  # letters and digits before three dots that say what they shorten
_LONGEST = 200  # characters of a running head
_DEEP = 3  # lines at the top and at the bottom that may be running lines
_LEADER = re.compile(r"(?:\s*[.·…․_‥]){3,}\s*")
_ENTRY = re.compile(r"^(.*?\S)(\s+|(?:\s*[.·…․‥]){2,}\s*)(\d{1,4}|[ivxlc]{1,7}|[A-Z]?-?\d{1,3})$")


def bare(text: str) -> str:
    """The letters and digits of a text, in lower case: equal for texts that look equal to a
    reader."""
    return _OTHER.sub("", text.casefold())


def running(pages: Sequence[Sequence[Line]], titles: Iterable[str]) -> set[Line]:
    """Running heads and page numbers: lines at one height at the edge of many pages.

    A height is one for running lines if most of what stands there also stands there on another
    page, but for a number that grows with the pages. A head that is on one page only, for its
    section has no other, goes too if what it says is a line elsewhere or one of the `titles`.
    """
    bands: dict[tuple[int, int], list[tuple[list[set[str]], Line]]] = {}
    known = _Known(titles)
    for page in pages:
        for line in page:
            known.add(line.text)
        for line in _edges(page):
            bands.setdefault((line.turn, round(line.y)), []).append((_pieces(line), line))
    may: set[Line] = set()
    for entries in bands.values():
        counts = Counter(key for pieces, _ in entries for key in set().union(*pieces))
        repeated = [any(counts[key] > 1 for key in set().union(*pieces)) for pieces, _ in entries]
        if sum(repeated) < (2 if len(pages) == 2 else 3) or sum(repeated) < 0.5 * len(entries):
            continue
        for pieces, line in entries:
            own = Counter(_names(line.text))
            if all(
                any(counts[key] > 1 or not key or known.says(key, own) for key in keys)
                for keys in pieces
            ) or known.says_both(line.text, own, counts):
                may.add(line)
    return {line for page in pages for line in _outer(page, may)}


class _Known:
    """The lines and titles of a document, to look up which of them a running head repeats."""

    def __init__(self, titles: Iterable[str]) -> None:
        self._names: Counter[str] = Counter()
        self._sorted: list[str] = []  # filled when it is needed for the first time
        for title in titles:
            self.add(title)

    def add(self, text: str) -> None:
        self._names.update(_names(text))

    def says(self, text: str, own: Counter[str]) -> bool:
        """Whether a text stands elsewhere too, as it is or as the beginning of what three dots
        shorten; `own` are the names of the line that it is part of.
        """
        names = _names(text)
        names |= {_LABELLED.sub("", name) for name in names} - {""}
        if any(self._names[name] > own[name] for name in names):
            return True
        if not text.rstrip().endswith(("…", "...")):
            return False
        if not self._sorted:
            self._sorted = sorted(self._names)
        places = [(start, bisect_left(self._sorted, start)) for start in names]
        return any(
            name not in own and name.startswith(start)
            for start, at in places
            if len(start) >= _START
            for name in self._sorted[at : at + 3]
        )

    def says_both(self, text: str, own: Counter[str], counts: Counter[str]) -> bool:
        """Whether a text is two running texts with a space between, or a repeated text and a
        running text."""
        if len(text) > _LONGEST:
            return False
        spaces = [at for at, char in enumerate(text) if char == " "]
        return any(
            (counts[text[:at]] > 0 or self.says(text[:at], own)) and self.says(text[at + 1 :], own)
            for at in spaces
        )


def _pieces(line: Line) -> list[set[str]]:
    """Return the texts on the left and on the right: as they are, and with a number less the
    page's."""
    found = []
    for start, end in pairwise([0, *(at for at, _, _ in line.gaps), len(line.text)]):
        piece = line.text[start:end].strip()
        keys = {piece}
        for match in islice(_NUMBER.finditer(piece), 4):
            number = int(match[0]) if match[0].isdecimal() else _roman(match[0].lower())
            keys.add(f"{piece[: match.start()]}#{number - line.page}#{piece[match.end() :]}")
        found.append(keys)
    return found


def _roman(text: str) -> int:
    values = ["ivxlcdm".index(char) for char in text]
    signs = (1 if value >= after else -1 for value, after in pairwise([*values, 0]))
    sizes = (1, 5, 10, 50, 100, 500, 1000)
    return sum(sign * sizes[value] for sign, value in zip(signs, values, strict=True))


def _outer(page: Sequence[Line], may: set[Line]) -> Iterator[Line]:
    """Yield possible running lines that have no other line outside them, and space on the inside.

    Without the space they are the beginning of a text that is alike on many pages.
    """
    heights: dict[int, list[Line]] = {}
    for line in page:
        if not line.rows:
            heights.setdefault(round(line.y), []).append(line)
    for order in (sorted(heights, reverse=True), sorted(heights)):
        outer = list(takewhile(lambda y: all(line in may for line in heights[y]), order[:_DEEP]))
        while outer and len(outer) < len(order):
            size = max(line.size for line in heights[order[len(outer)]])
            if abs(outer[-1] - order[len(outer)]) > _SPACE * size:
                break
            outer.pop()
        for y in outer:
            yield from heights[y]


def _names(text: str) -> set[str]:
    """A title in the forms in which it may be repeated: with its number or without."""
    short = bare(text)
    return {short, _unnumbered(short)} - {""}


def _edges(page: Sequence[Line]) -> list[Line]:
    """The page's outermost lines."""
    page = [line for line in page if not line.rows]
    heights = sorted({round(line.y) for line in page})
    outer = {*heights[-_DEEP:], *heights[:_DEEP]}
    return [line for line in page if round(line.y) in outer]


def contents(
    pages: Sequence[Sequence[Line]], is_heading: Callable[[Line], bool], titles: Iterable[str]
) -> set[Line]:
    """Lines of tables of contents: runs of at least four entries, most of them known elsewhere.

    An entry names something known, and a page after dots or a gap; or it is no more than the name
    of one of `titles`, or of a heading, and these are in their order. A run may go over pages, and
    hold up to two lines between entries, which are the beginning of the next.
    """
    known = Counter(bare(line.text) for page in pages for line in page if len(line.text) < 300)
    heads = (line.text for page in pages for line in page if is_heading(line))
    order: dict[str, int] = {}
    for at, text in enumerate((*titles, *heads)):
        for name in _names(text):
            order.setdefault(name, at)
    found: set[Line] = set()
    run = _Run()
    for line in (line for page in pages for line in page):
        name, dotted = _entry(line)
        short = bare(name or line.text)
        at = order.get(short, order.get(_unnumbered(short), -1))
        if name:
            is_known = at >= 0 or known[short] > 0
            is_entry = is_known or dotted
        else:
            # An entry without a page counts only if it is in the order of the headings.
            is_entry = is_known = at > run.last and not is_heading(line)
        if not is_entry and (run.is_over() or is_heading(line)):
            found.update(run.lines())
            run = _Run()
        elif is_entry or run.marks:
            run.marks.append((line, is_entry, is_known))
            run.last = max(run.last, at)
    return found | set(run.lines())


class _Run:
    """Lines that may be a table of contents: (line, is an entry, names something known)."""

    def __init__(self) -> None:
        self.marks: list[tuple[Line, bool, bool]] = []
        self.last = -1  # the place of the heading that the last entry names, among all headings

    def is_over(self) -> bool:
        return not any(is_entry for _, is_entry, _ in self.marks[-2:])

    def lines(self) -> list[Line]:
        """The lines up to the last entry, if there are enough entries and enough are known."""
        entries = [at for at, (_, is_entry, _) in enumerate(self.marks) if is_entry]
        known = sum(is_known for _, _, is_known in self.marks)
        if len(entries) < 4 or (known < 0.5 * len(entries) and not self._rises()):
            return []
        return [line for line, _, _ in self.marks[: entries[-1] + 1]]

    def _rises(self) -> bool:
        """Whether nearly all entries have dots and pages that rise, as in a list of tables."""
        found = [_ENTRY.match(line.text) for line, is_entry, _ in self.marks if is_entry]
        dotted = [match[3] for match in found if match and _LEADER.search(match[0])]
        pages = [int(page) for page in dotted if page.isdecimal()]
        rising = sum(a <= b for a, b in pairwise(pages))
        return len(pages) > 5 and rising > 0.95 * (len(pages) - 1) and len(pages) > 0.8 * len(found)


def _entry(line: Line) -> tuple[str, bool]:
    """Return the text of a line that ends in a page number, else nothing; and whether it has
    dots."""
    match = _ENTRY.match(line.text) if len(line.text) < 300 else None
    if not match:
        return "", False
    return _LEADER.sub("", match[1]), bool(_LEADER.search(line.text))


def _unnumbered(short: str) -> str:
    return short.lstrip("0123456789")
