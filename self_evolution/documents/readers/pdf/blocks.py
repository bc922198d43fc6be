"""Paragraphs, lists, tables and code of a PDF, built from its lines."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from statistics import median

from self_evolution.documents.readers import base
from self_evolution.documents.readers.pdf.headings import Places
from self_evolution.documents.readers.pdf.joins import Joins
from self_evolution.documents.readers.pdf.lines import Line

_BULLET = re.compile(
    r"[•‣◦▪▫●○■□➢➤✓✔❖∙⁃⦁\uf0b7\uf0a7\uf0d8\uf076\uf0fc\uf02d]\s*|[-–—*·]\s+|o\s(?=\s)"
)
_COUNTER = re.compile(r"(?:\(?(\d{1,3})[.)]|\(?[a-zA-Z][.)]|\(?[ivx]{1,5}[.)])\s+(?=\S)")
_INDEX = re.compile(r"(.{0,200}?[^\s.])(?:(?:\s?[.·…․‥]){3,}|(?:\s?\.\s){2})\s*(\d[\d, –-]*)$")
_MOST_LINES = 500  # in one paragraph; no real one has as many
_NOTE = re.compile(r"(?:\d{1,3}|[*†‡§¶])\W*\w")
_DIGITS = re.compile(r"\d{1,3}")
_ENDS = re.compile(r"[.!?:;。！？：；…]['\"”’»)）」』\]]*$")


def _margin(pages: Sequence[Sequence[Line]], side: int) -> float:
    """Return where most lines begin on even (0) or odd (1) pages, which may have their own
    margins."""
    places = Counter(round(line.left) for page in pages for line in page if line.page % 2 == side)
    return max(places, key=lambda left: (places[left], -left)) if places else 0.0


def typical_leading(pages: Sequence[Sequence[Line]]) -> float:
    """The most frequent distance from line to line, in font sizes."""
    found: Counter[float] = Counter()
    for page in pages:
        for above, line in itertools.pairwise(page):
            if above.size == line.size and 0.8 * line.size < above.y - line.y < 3 * line.size:
                found[round((above.y - line.y) / line.size, 1)] += 1
    return max(found, key=lambda step: (found[step], -step)) if found else 1.2


class Blocks:
    """Takes lines in order, and passes each block to the builder as soon as it is complete.

    `pages` are all lines that it will be given, `body` is the text's size in points.
    """

    def __init__(
        self, builder: base.Builder, joins: Joins, body: float, pages: Sequence[Sequence[Line]]
    ) -> None:
        self._builder, self._joins, self._body = builder, joins, body
        self._leading = typical_leading(pages)
        self._margins = _margin(pages, 0), _margin(pages, 1)
        self._kind = ""
        self._lines: list[Line] = []
        self._text = ""
        self._marks: list[float] = []  # the indentations of the items of the open lists
        self._rows: list[tuple[str, ...]] = []
        self._edges: dict[int, float] = {}
        self._edge = 0.0
        self._notes: list[Line] = []  # from the foot of the last page, whose last block may go on

    def page(self, lines: Sequence[Line], index: int, places: Places) -> None:
        """Add the lines of one page, with the headings among them."""
        if self._notes and not self._kind:
            self.close()
        end = _notes_begin(lines, self._body)
        notes = lines[end:]
        at = 0
        while at <= len(lines):
            if at == 1 or (at == 0 and self._kind == ""):
                self._edges, self._edge = _edges(lines[:end])
            skip = 0
            for heading in places.get((index, at), ()):
                self.close()
                self._builder.heading(heading.level, heading.text)
                skip = max(skip, heading.lines)
            if at < end and not skip:
                self._take(lines[at], at == 0)
            at += max(skip, 1)
        if notes:
            if self._notes:
                self.close()
            self._notes = list(notes)

    def close(self) -> None:
        """End the open block, and add the notes below it."""
        if self._kind == "table":
            self._builder.block(base.table(self._rows), self._lines[0].page)
        elif self._kind == "code":
            self._builder.block(base.fence(_code(self._lines, self._margins)), self._lines[0].page)
        elif self._lines:
            self._builder.block(self._text, self._lines[0].page)
        self._kind, self._lines, self._text, self._marks, self._rows = "", [], "", [], []
        note = ""
        page = self._notes[0].page if self._notes else 0
        for line in self._notes:
            if note and _is_next_note(note, line.text):
                self._builder.block(note, page)
                note = ""
            note = self._joins.join(note, line.text)
        self._builder.block(note, page)
        self._notes = []

    def _take(self, line: Line, first: bool) -> None:
        if line.rows:
            self._take_table(line, first)
        elif line.mono and (self._kind == "code" or not self._lines or self._breaks(line)):
            self._begin("code", line, goes_on=self._kind == "code")
        elif (mark := self._mark(line)) is not None:
            self._take_item(line, mark)
        elif self._kind in ("text", "list") and not self._breaks(line):
            self._text = self._joins.join(self._text, line.text)
            self._lines.append(line)
        else:
            self._begin("text", line)
            self._text = line.text

    def _begin(self, kind: str, line: Line, goes_on: bool = False) -> None:
        if not goes_on:
            self.close()
        self._kind = kind
        self._lines.append(line)

    def _take_table(self, line: Line, first: bool) -> None:
        """A table at the top of a page continues one from the page before if it has its columns."""
        goes_on = self._kind == "table" and first and len(self._rows[0]) == len(line.rows[0])
        self._begin("table", line, goes_on)
        again = goes_on and line.rows[0] == self._rows[0]
        self._rows += line.rows[1:] if again else line.rows

    def _take_item(self, line: Line, mark: tuple[str, str]) -> None:
        goes_on = self._kind == "list" and self._lines[0].page == line.page
        marks = self._marks
        if self._kind != "list":
            self.close()
        while marks and line.left < marks[-1] - 0.5 * line.size:
            marks.pop()
        if not marks or line.left > marks[-1] + 0.5 * line.size:
            marks.append(line.left)
        begun = self._text
        if not goes_on:
            kept = list(marks)
            self.close()
            self._marks, begun = kept, ""
        text = f"{'  ' * (len(self._marks) - 1)}{mark[0]} {mark[1]}".rstrip()
        self._text = f"{begun}\n{text}" if begun else text
        self._kind = "list"
        self._lines.append(line)

    def _mark(self, line: Line) -> tuple[str, str] | None:
        """The Markdown mark and the text of a line that begins a list's item."""
        if match := _BULLET.match(line.text):
            doubtful = match[0][0] in "-–—*·o" and bool(self._lines)
            if doubtful and not self._is_next_item(line) and not self._breaks(line):
                return None
            return "-", line.text[match.end() :]
        if line.text[-1] in "0123456789," and (match := _INDEX.match(line.text)):
            return "-", f"{match[1]} {match[2]}"  # an entry of an index
        match = _COUNTER.match(line.text)
        if match is None or not self._may_count(line, match[1]):
            return None
        return (f"{match[1]}." if match[1] else match[0].strip()), line.text[match.end() :]

    def _is_next_item(self, line: Line) -> bool:
        """Whether a line begins exactly where the open list's last item began."""
        return self._kind == "list" and abs(line.left - self._marks[-1]) < 0.3 * line.size

    def _may_count(self, line: Line, number: str | None) -> bool:
        """Whether a line that begins with a number is an item, and does not continue a sentence."""
        return not self._lines or self._breaks(line) or (self._kind == "list" and number == "1")

    def _breaks(self, line: Line) -> bool:
        """Whether a line begins a new block after the open block's last line."""
        last = self._lines[-1]
        if self._kind in ("table", "code") or last.rows or line.turn != last.turn:
            return True
        if len(self._lines) == _MOST_LINES:
            return True
        if last.text[-1:] in "-\u2010" and len(last.text) > 1:
            return False
        if self._kind == "list" and self._text.endswith(("\n-", "-")):
            return False  # a bullet alone on its line
        size = max(last.size, line.size)
        if abs(last.size - line.size) > 0.15 * size or line.gaps:
            return True
        # Behind a gap a term is explained, and that may go on below.
        if last.gaps and abs(line.left - last.gaps[-1][2]) > 0.5 * size:
            return True
        ended = bool(_ENDS.search(last.text))
        drop = last.y - line.y
        if line.page != last.page or not 0 < drop < 20 * size:
            return ended or not (line.text[0].islower() or not self._fits(last, line))
        if drop > 1.25 * self._leading * size and drop > 1.3 * size:
            return True
        indent = line.left - last.left
        many = len(self._lines) > 1 and self._kind == "text"
        if many and indent > 0.8 * size:
            return ended or self._fits(last, line)
        if many and indent < -0.8 * size:
            # Back at the margin of an entry whose other lines are indented, the next one begins.
            back = abs(line.left - self._lines[0].left) < 0.5 * size
            return back or ended or not line.text[0].islower()
        if self._kind == "list" and line.left < self._marks[-1] - 0.5 * size:
            return True
        return self._fits(last, line) and (ended or not line.text[0].islower())

    def _fits(self, last: Line, line: Line) -> bool:
        """Whether the line's first word had room on the line above, so that the break was
        intended."""
        edge = self._edges.get(round(last.left / 6), self._edge)
        return last.right + line.first + 0.8 * line.size < edge


def _edges(lines: Sequence[Line]) -> tuple[dict[int, float], float]:
    """Right edges of lines by where they begin, in steps of 6 points; and the page's right edge."""
    rights: dict[int, list[float]] = {}
    for line in lines:
        place = round(line.left / 6)
        for near in (place - 1, place, place + 1):
            rights.setdefault(near, []).append(line.right)
    found = {place: _edge(ends) for place, ends in rights.items() if len(ends) > 2}
    return found, _edge([line.right for line in lines if not line.turn])


def _edge(rights: Sequence[float]) -> float:
    """The rightmost place where three lines end, as single ones may stick out; else the
    rightmost."""
    counts = Counter(map(round, rights))
    return max(
        (right for right in rights if counts[round(right)] > 2), default=max(rights, default=0.0)
    )


def _is_next_note(before: str, line: str) -> bool:
    """Whether a line begins another note after one: a note may have numbers in it."""
    if not _NOTE.match(line):
        return False
    first, second = _DIGITS.match(before), _DIGITS.match(line)
    counts = not first or not second or int(second[0]) == int(first[0]) + 1
    return counts or bool(_ENDS.search(before))


def _notes_begin(lines: Sequence[Line], body: float) -> int:
    """Return where a page's footnotes begin: small lines below all others, the first with a
    mark."""
    begin = len(lines)
    while begin and lines[begin - 1].size < 0.93 * body and not lines[begin - 1].rows:
        begin -= 1
    while begin < len(lines) and not _NOTE.match(lines[begin].text):
        begin += 1
    if not 0 < begin < len(lines) or min(line.y for line in lines[:begin]) < lines[begin].y:
        return len(lines)
    return begin


def _code(lines: Sequence[Line], margins: tuple[float, float]) -> str:
    """Lines of code with their indentation, and an empty line where there is a gap.

    `margins` are those of pages with an even and with an odd number.
    """
    advance = median(line.advance for line in lines) or 1.0
    drops = [a.y - b.y for a, b in itertools.pairwise(lines) if a.page == b.page]
    usual = median([drop for drop in drops if drop > 0] or [1.0])
    lefts = [line.left - margins[line.page % 2] for line in lines]
    margin = min(lefts)
    found: list[str] = []
    for index, line in enumerate(lines):
        if index and line.page == lines[index - 1].page and drops and usual > 0:
            found += [""] * (lines[index - 1].y - line.y > 1.6 * usual)
        found.append(" " * min(round((lefts[index] - margin) / advance), 200) + line.text)
    return "\n".join(found)
