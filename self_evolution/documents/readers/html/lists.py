"""Paragraphs inside lists, definitions and quotations, as Markdown.

Code and tables always begin at the margin, so that they are recognised.
"""

from __future__ import annotations

from collections.abc import Callable


class _List:
    def __init__(self, indent: str, number: int | None) -> None:
        self.indent = indent
        self.number = number  # of the next item; None where items have a dash
        self.marker = ""  # of an item in which nothing stands yet
        self.inner = indent  # what its paragraphs after the first begin with


class Lists:
    """Passes blocks to `emit`; the items of a list, and of lists in it, are one block."""

    def __init__(self, emit: Callable[[str], None]) -> None:
        self._emit = emit
        self._open: list[_List] = []
        self._lines: list[str] = []
        self._terms: list[str] = []
        self._defines = False  # whether what comes next says what the terms mean
        self.in_term = False
        self._quotes = 0

    def open(self, number: int | None) -> None:
        """Begin a list; `number` is its first item's, None where items are not numbered."""
        self._open.append(_List(self._open[-1].inner if self._open else "", number))

    def shut(self) -> None:
        """End the innermost list."""
        if self._open:
            self._open.pop()
        if not self._open:
            self._flush()

    def item(self, number: int | None = None) -> None:
        """Begin an item in the innermost list, with a number of its own if it has one."""
        if not self._open:
            return
        here = self._open[-1]
        if here.number is None:
            here.marker = "- "
        else:
            here.number = here.number if number is None else number
            here.marker = f"{here.number}. "
            here.number += 1
        here.inner = here.indent + " " * len(here.marker)

    def term(self, begins: bool) -> None:
        """Begin or end a term; its definition follows."""
        self.in_term = begins
        self._defines = False

    def definition(self) -> None:
        """Begin the definition of the terms before."""
        self.term(False)
        self._defines = True

    def quote(self, step: int) -> None:
        """Begin (1) or end (-1) a quotation."""
        self._flush()
        self._quotes = max(0, self._quotes + step)

    def paragraph(self, text: str) -> None:
        """Add a paragraph, which may have several lines."""
        if self.in_term:
            self._terms.append(text.replace("\n", " "))
            return
        if self._terms:
            terms, self._terms = "\n".join(self._terms), []
            if self._defines:
                text = f"{terms}\n: {text}"
            else:
                self.paragraph(terms)
        if self._open:
            self._in_item(text)
        else:
            mark = "> " if self._quotes else ""
            self._emit(mark + text.replace("\n", "\n" + mark))

    def block(self, text: str) -> None:
        """Add code or a table."""
        self.close()
        for one in self._open:
            if one.marker and one.number is not None:
                self._lines.append(one.indent + one.marker.rstrip())
            one.marker = ""
        self._flush()
        self._emit(text)

    def close(self) -> None:
        """Pass on the blocks that have been held back."""
        if self._terms:
            text = "\n".join(self._terms)
            self._terms = []
            self.paragraph(text)
        self._flush()

    def _in_item(self, text: str) -> None:
        here = self._open[-1]
        first = here.indent + here.marker if here.marker else here.inner
        if self._lines and not here.marker:
            self._lines.append("")
        self._lines.append(first + text.replace("\n", "\n" + here.inner))
        for one in self._open:  # an item that begins with a list has no line of its own
            one.marker = ""

    def _flush(self) -> None:
        if self._lines:
            self._emit("\n".join(self._lines))
            self._lines = []
