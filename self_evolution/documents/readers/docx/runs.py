"""Runs of text in a Word file: their styles, their links, and the fields among them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import groupby
from typing import NamedTuple

from lxml import etree

from self_evolution.documents.readers.docx.equations import equation
from self_evolution.documents.readers.docx.styles import Style, W, is_monospaced, is_on, value

_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_LINK = re.compile(r'\s*HYPERLINK\s+(?:\\l\s+)?"([^"]*)"')
_CONTENTS = re.compile(r"\s*TOC\b")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")


class Look(NamedTuple):
    """The style of a piece of text, as the names of HTML's elements."""

    bold: bool = False
    code: bool = False
    script: str = ""
    link: str = ""


class Runs:
    """Keeps track of links and fields, which begin in one run and end in another."""

    def __init__(self, styles: Mapping[str, Style], links: Mapping[str, str]) -> None:
        self._styles, self._links = styles, links
        self._link = self._last_link = ""
        self._fields: list[str] = []  # instructions of the open fields
        self.contents = 0  # the open fields that make a table of contents
        self.struck = 0  # passages that are crossed out
        self._was_struck = False

    def paragraph(self) -> None:
        """A paragraph begins: what is struck out in it is a passage of its own."""
        self._was_struck = False

    def hyperlink(self, element: etree._Element | None) -> None:
        """Begin a link, or end it (None)."""
        anchor = element.get(W + "anchor") if element is not None else None
        name = element.get(_R + "id", "") if element is not None else ""
        self._link = f"#{anchor}" if anchor else self._links.get(name, "")

    def look(self, properties: etree._Element | None) -> Look | None:
        """How a run is set; None if it is hidden or struck out."""
        struck = is_on(value(properties, "strike")) or is_on(value(properties, "dstrike"))
        self.struck += struck and not self._was_struck
        self._was_struck = struck
        if properties is None:
            return Look(link=self._link)
        if struck or is_on(value(properties, "vanish")):
            return None
        style = self._styles.get(value(properties, "rStyle") or "", Style())
        bold = value(properties, "b")
        raised = value(properties, "vertAlign") or ""
        if self._link:
            self._last_link = self._link
        linked = style.name.lower() == "hyperlink"  # the end of a link may stand outside of it
        return Look(
            style.bold if bold is None else is_on(bold),
            style.code or is_monospaced(properties),
            {"superscript": "sup", "subscript": "sub"}.get(raised, ""),
            self._link or (self._last_link if linked else ""),
        )

    def field(self, name: str, element: etree._Element) -> str:
        """Fields are links, tables of contents, or text that stays; gives what one draws itself."""
        kind = element.get(W + "fldCharType")
        if name == "instrText":
            if self._fields:
                self._fields[-1] += element.text or ""
        elif name == "fldSimple":
            self._fields.append(element.get(W + "instr", ""))
            self._open_field()
        elif kind == "begin":
            self._fields.append("")
            return _box(element)
        elif kind == "separate" and self._fields:
            self._open_field()
        elif kind == "end" and self._fields:
            drawn = equation(self._fields[-1])
            self.close_field()
            return drawn
        return ""

    def _open_field(self) -> None:
        found = _LINK.match(self._fields[-1])
        if found:
            self._link = self._last_link = found[1] or "#"
        self.contents += bool(_CONTENTS.match(self._fields[-1]))

    def close_field(self) -> None:
        if self._fields:
            instruction = self._fields.pop()
            self.contents -= bool(_CONTENTS.match(instruction)) and self.contents > 0
            self._link = "" if _LINK.match(instruction) else self._link


def _box(field: etree._Element) -> str:
    """A form's checkbox, ticked or not; empty for other fields."""
    box = field.find(f"{W}ffData/{W}checkBox")
    if box is None:
        return ""
    ticked = value(box, "checked" if box.find(W + "checked") is not None else "default")
    return "☒" if is_on(ticked) else "☐"


def sub(parent: etree._Element, tag: str, attributes: dict[str, str]) -> etree._Element:
    return etree.SubElement(parent, tag, attributes)


def allowed(text: str) -> str:
    """Text without the controls that XML cannot hold."""
    return _CONTROLS.sub("", text)


def is_menu(pieces: list[tuple[Look, str]]) -> bool:
    """Whether nearly all of a paragraph is links to places in this document or beside it."""
    beside = sum(len(text.strip()) for look, text in pieces if not look.link)
    return beside < 5 and any(look.link and ":" not in look.link for look, _ in pieces)


def fill(element: etree._Element, pieces: list[tuple[Look, str]]) -> None:
    """Put pieces into an element; neighbours with the same style become one."""
    for look, group in groupby(pieces, key=lambda piece: piece[0]):
        text = allowed("".join(text for _, text in group))
        inner = element
        if look.link:
            inner = sub(inner, "a", {"href": look.link})
        for tag in (look.bold and "b", look.code and "code", look.script):
            if tag:
                inner = sub(inner, tag, {})
        first, *lines = text.split("\n")
        _append(inner, first)
        for line in lines:
            sub(inner, "br", {}).tail = line


def _append(element: etree._Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text
