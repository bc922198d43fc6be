"""The places of a Word file's paragraphs on the page: the body, cells, and items of lists."""

from __future__ import annotations

from collections.abc import Mapping

from lxml.etree import _Element

from self_evolution.documents.readers.docx.runs import sub
from self_evolution.documents.readers.docx.styles import Level, Style, list_place, value


class Place:
    """A part of the page into which paragraphs go: the body, a cell, a box."""

    def __init__(self, element: _Element) -> None:
        self.element = element
        # Open lists, each with its level and its last item.
        self.items: list[tuple[int, _Element, _Element]] = []
        self.code: _Element | None = None  # a block that the next paragraph may continue
        self.joined: _Element | None = None  # a paragraph whose end was deleted
        self.menu: _Element | None = None  # paragraphs that are links and nothing else

    def end(self) -> None:
        """End all blocks, so that the next paragraph continues none."""
        self.items.clear()
        self.code = self.menu = self.joined = None

    def group(self, parent: _Element, menu: bool) -> _Element:
        """Return the element that a paragraph goes into; paragraphs of a menu share one."""
        if not menu:
            self.menu = None
            return parent
        if self.menu is None:
            self.menu = sub(parent, "div", {})
        return self.menu


class Table:
    """A table that is being built, and its cells that continue in the next row."""

    def __init__(self, element: _Element) -> None:
        self.element = self.row = element
        self.column = 0
        self.head = False
        self._over: dict[int, _Element] = {}

    def cell(self, properties: _Element | None) -> _Element:
        """The element for the next cell of this row, which may be one from above."""
        merged = value(properties, "vMerge")
        wide = value(properties, "gridSpan") or ""
        column, span = self.column, int(wide) if wide.isdecimal() and len(wide) < 4 else 1
        self.column += max(1, span)
        above = self._over.get(column)
        if merged is not None and merged != "restart" and above is not None:
            above.set("rowspan", str(int(above.get("rowspan", "1")) + 1))
            return above
        cell = sub(self.row, "th" if self.head else "td", {})
        if span > 1:
            cell.set("colspan", str(span))
        self._over.pop(column, None)
        if merged is not None:
            self._over[column] = cell
        return cell


class Items:
    """Counts the items of all lists, whose paragraphs do not store their numbers."""

    def __init__(self, marks: Mapping[tuple[str, int], Level]) -> None:
        self._marks = marks
        self._counts: dict[tuple[str, int], int] = {}

    def parent(self, place: Place, properties: _Element | None, style: Style) -> _Element:
        """The list item that contains a paragraph, or else the place itself."""
        where = list_place(properties) or style.list
        if where is None or where[0] == "0":
            place.items.clear()
            return place.element
        level = self._marks.get(where) or self._marks.get((where[0], 0), Level("-", 1))
        depth = where[1]
        while place.items and place.items[-1][0] > depth:
            place.items.pop()
        if not level.mark:
            return place.items[-1][2] if place.items else place.element
        place.menu = None
        tag = "ul" if level.mark == "-" else "ol"
        if place.items and place.items[-1][0] == depth:
            _, group, _ = place.items.pop()
            if group.tag != tag:
                group = sub(place.items[-1][2] if place.items else place.element, tag, {})
        else:
            group = sub(place.items[-1][2] if place.items else place.element, tag, {})
        count = self._counts[where] = self._counts.get(where, level.start - 1) + 1
        for deeper in range(depth + 1, 9):
            self._counts.pop((where[0], deeper), None)
        item = sub(group, "li", {"value": str(count)})
        place.items.append((depth, group, item))
        return item
