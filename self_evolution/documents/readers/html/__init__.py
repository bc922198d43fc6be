"""HTML: the visible text of a page, block by block and in order."""

from __future__ import annotations

from lxml import etree

from self_evolution.documents.readers.base import Builder, Content, fence
from self_evolution.documents.readers.html import grid
from self_evolution.documents.readers.html.elements import (
    HEADINGS,
    are_line_numbers,
    in_head,
    is_in_box,
    language,
    level_of,
    mark,
    names,
    number,
    title,
)
from self_evolution.documents.readers.html.inline import Inline
from self_evolution.documents.readers.html.lists import Lists
from self_evolution.documents.readers.html.mathml import formula
from self_evolution.documents.readers.html.survey import BLOCKS, is_struck, survey
from self_evolution.documents.readers.html.tree import tree

_BOLD = frozenset(("b", "strong"))
_CODE = frozenset(("code", "tt", "kbd", "samp"))
# In these a heading has come to its end, whether or not it was closed.
_ENDS = HEADINGS | names("p ul ol dl table pre blockquote")
_MARKED = frozenset(("sup", "sub", "a"))
_LISTS = frozenset(("ul", "ol", "menu", "dir"))
_NESTED = 8  # links and raised texts in each other from which on they are left as they are
_LONGEST = 300  # characters: what is longer is no heading, whatever its tag says


def read(data: bytes) -> Content:
    """The page's visible text; its <title>, or else its first heading, is the title.

    Raises Malformed for bytes that are no text.
    """
    root = tree(data)
    if root is None:
        return Content("", [])
    builder = Builder()
    build(root, builder)
    parts = builder.parts()
    links = not parts and root.find(".//a") is not None
    return Content(title(root), parts, "nothing but links in it" if links else builder.note)


def build(root: etree._Element, builder: Builder, offset: int = 0) -> None:
    """Pass the text of a page to `builder`; `offset` is added to the level of every heading."""
    _Page(root, builder, offset).walk()


class _Page:
    """The elements that are open at a point of the page."""

    def __init__(self, root: etree._Element, builder: Builder, offset: int) -> None:
        self._root = root
        self._builder = builder
        self._offset = offset
        self._inline = Inline()
        self._lists = Lists(builder.block)
        self._marks: list[int] = []  # where the open links and raised texts began
        self._heading = 0  # the level of the one that is open
        self._head: etree._Element | None = None
        self._boxed: etree._Element | None = None  # the open heading of a note beside the text
        self._depth = 0  # the level of the last heading
        # The parts that a control opens, with the level of its heading.
        self._opened: dict[etree._Element, int] = {}
        self._pre: list[str] | None = None  # the text of the block of code that is open
        self._code: etree._Element | None = None
        self._rows: list[grid.Row] | None = None  # the rows of the open table, if it holds data
        self._cell: list[str] | None = None
        self._outer = self._lists  # those around the cell that is open
        self._inner = 0  # open tables within the open one; they are layout

    def walk(self) -> None:
        """Goes through the page once, without recursion."""
        unseen, self._data, self._controls = survey(self._root)
        walker = etree.iterwalk(self._root, events=("start", "end"))
        for event, element in walker:
            if event == "start":
                if element in unseen:
                    walker.skip_subtree()
                    self._builder.struck += is_struck(element)
                    if element.tag in BLOCKS:
                        self._flush()
                    continue
                if self._start(element):
                    walker.skip_subtree()
                elif element.text:
                    self._text(element.text)
            else:
                if element not in unseen:
                    self._end(element)
                if element in self._opened:
                    self._leave(self._opened.pop(element))
                if element.tail and element is not self._root:
                    self._text(element.tail)
        self._flush()
        self._lists.close()

    def _text(self, text: str) -> None:
        if self._pre is not None:
            self._pre.append(text)
        else:
            self._inline.add(text)

    def _start(self, element: etree._Element) -> bool:
        """Open an element; returns whether all of it is done already."""
        tag = element.tag
        if self._pre is not None:
            if tag == "br":
                self._pre.append("\n")
        elif tag in BLOCKS:
            self._start_block(tag, element)
        elif tag in _BOLD:
            self._inline.bold(1)
        elif tag in _CODE:
            self._inline.code(1)
        elif tag == "br":
            self._inline.line()
        elif tag in _MARKED:
            self._marks.append(self._inline.position())
        elif tag == "math" or tag.endswith(":math"):
            self._inline.add(formula(element))
            return True
        elif tag == "img" and "math" in element.get("class", ""):
            self._inline.add(element.get("alt", ""))
        elif tag in ("q", "rt"):
            self._inline.add("“" if tag == "q" else "(")
        elif element.get("role") == "heading" or element in self._controls.regions:
            self._start_block(tag, element)
        return False

    def _end(self, element: etree._Element) -> None:
        tag = element.tag
        if self._pre is not None:
            if element is self._code:
                self._end_pre(element)
        elif tag in BLOCKS:
            self._end_block(tag, element)
        elif tag in _BOLD:
            self._inline.bold(-1)
        elif tag in _CODE:
            self._inline.code(-1)
        elif tag in _MARKED:
            self._end_mark(tag, element)
        elif tag in ("q", "rt"):
            self._inline.add("”" if tag == "q" else ")")
        elif element.get("role") == "heading" or element in self._controls.regions:
            self._end_block(tag, element)

    def _start_block(self, tag: str, element: etree._Element) -> None:
        if self._heading and (tag not in _ENDS or (tag == "p" and self._inline.blank())):
            self._inline.add(" ")
            return
        self._flush()
        level = self._level(element) if self._rows is None else 0
        if level and is_in_box(element):
            self._boxed = element
            self._inline.bold(1)
        elif level:
            self._heading, self._head = level, element
        elif element in self._controls.flat:
            return
        elif tag == "pre":
            self._pre, self._code = [], element
        elif tag in _LISTS:
            self._lists.open(number(element, "start", 1) if tag == "ol" else None)
        elif tag == "li":
            self._lists.item(number(element, "value", None))
        elif tag == "dt":
            self._lists.term(True)
        elif tag == "dd":
            self._lists.definition()
        elif tag == "blockquote":
            self._lists.quote(1)
        elif self._rows is not None or tag == "table":
            self._start_cell(tag, element)

    def _end_block(self, tag: str, element: etree._Element) -> None:
        if self._heading and element is not self._head:
            self._inline.add(" ")
            return
        if element is self._boxed:
            self._boxed = None
            self._inline.bold(-1)
        self._flush()
        if element in self._controls.flat:
            return
        if tag in _LISTS:
            self._lists.shut()
        elif tag == "dt":
            self._lists.term(False)
        elif tag == "dl":
            self._lists.close()
        elif tag == "blockquote":
            self._lists.quote(-1)
        elif self._rows is not None:
            self._end_cell(tag, element)

    def _flush(self) -> None:
        """Pass on the heading or paragraph that ends here."""
        level, self._heading = self._heading, 0
        if not level:
            for text in self._inline.take(plain=self._lists.in_term):
                self._lists.paragraph(text)
            return
        text = "".join(self._inline.take(plain=True))
        if len(text) > _LONGEST:
            self._lists.paragraph(text)
        elif text:
            self._lists.close()
            self._depth = level
            self._builder.heading(level + self._offset, text)

    def _level(self, element: etree._Element) -> int:
        """The level of a heading, or of a control that opens a part of the page; 0 for other
        elements."""
        region = self._controls.regions.get(element)
        if region is None:
            return level_of(element)
        self._opened[region] = self._depth + 1
        return self._depth + 1

    def _leave(self, level: int) -> None:
        """End the part that a control opens, with the section under its heading."""
        self._flush()
        self._lists.close()
        self._builder.leave(level + self._offset)
        self._depth = level - 1

    def _start_cell(self, tag: str, element: etree._Element) -> None:
        """Begin a table or a part of it."""
        if tag == "table":
            if self._rows is not None:
                self._inner += 1
            elif element in self._data:
                self._rows = []
        elif self._inner or self._rows is None:
            return
        elif tag == "tr":
            self._rows.append(grid.Row([], True))
        elif tag in ("td", "th"):
            self._cell = []
            self._outer, self._lists = self._lists, Lists(self._cell.append)

    def _end_cell(self, tag: str, element: etree._Element) -> None:
        """End a table that holds data, or a part of it."""
        if self._inner:
            self._inner -= tag == "table"
        elif tag in ("td", "th") and self._cell is not None and self._rows is not None:
            self._lists.close()
            self._lists = self._outer
            row = self._rows.pop() if self._rows else grid.Row([], True)
            wide, high = number(element, "colspan", 1), number(element, "rowspan", 1)
            row.cells.append(grid.Cell(self._cell, max(1, wide or 1), max(1, high or 1)))
            head = row.head and (tag == "th" or in_head(element))
            self._rows.append(grid.Row(row.cells, head))
            self._cell = None
        elif tag == "table" and self._rows is not None:
            rows, self._rows = self._rows, None
            text = grid.markdown(rows)
            if text:
                self._lists.block(text)
                return
            for one in (block for row in rows for cell in row.cells for block in cell.blocks):
                self._lists.paragraph(one)

    def _end_pre(self, element: etree._Element) -> None:
        code, self._pre = "".join(self._pre or ()).replace("\xa0", " "), None
        if self._cell is not None:  # one line, or the table would hold no data
            self._inline.code(1)
            self._inline.add(code)
            self._inline.code(-1)
            self._flush()
        elif code.strip() and not are_line_numbers(code, element):
            self._lists.block(fence(code, language(element)))

    def _end_mark(self, tag: str, element: etree._Element) -> None:
        """End a link, or raised or lowered text."""
        start = self._marks.pop()
        if start > self._inline.position() or len(self._marks) > _NESTED:
            return
        if tag == "sub" and self._inline.ends_fraction(start):
            return
        if tag != "a" or element.get("epub:type") == "noteref":
            self._inline.add(mark(element, self._inline.since(start)))
        elif "#" in element.get("href", "") and not self._inline.has_words(start):
            self._inline.since(start)  # a sign that links to this very place
