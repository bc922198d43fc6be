"""The meaning of a Word file's styles and lists: headings, code, bullets and numbers."""

from __future__ import annotations

import re
from typing import NamedTuple

from lxml.etree import _Element

from self_evolution.documents.readers.package import Package

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"heading ([1-9])\Z", re.IGNORECASE)
# Names under which word processors and converters keep text of a computer.
_CODE = re.compile(
    r"\b(?:source|code|preformatted|verbatim|typewriter|keyboard|listing|macro|plain text)\b|Tok\Z",
    re.IGNORECASE,
)
_MONOSPACED = re.compile(r"\b(?:mono|courier|consolas|menlo|monaco|typewriter|code)\b", re.I)


class Style(NamedTuple):
    """A style with its inherited properties; `level` is 0 if it is no heading."""

    name: str = ""
    level: int = 0
    code: bool = False
    bold: bool = False
    list: tuple[str, int] | None = None


class Level(NamedTuple):
    """The bullet or number of a list's items; `mark` is empty for paragraphs that continue an
    item."""

    mark: str
    start: int


def value(parent: _Element | None, tag: str) -> str | None:
    """The w:val of a child: None without such a child, empty for a child without it."""
    child = parent.find(W + tag) if parent is not None else None
    return None if child is None else child.get(W + "val", "")


def is_on(setting: str | None) -> bool:
    """Whether a switch like w:b is present and on."""
    return setting is not None and setting not in ("0", "false", "off", "none")


def is_monospaced(properties: _Element | None) -> bool:
    """Whether run properties name a font in which all letters are equally wide."""
    fonts = properties.find(W + "rFonts") if properties is not None else None
    return fonts is not None and bool(_MONOSPACED.search(fonts.get(W + "ascii", "")))


def list_place(properties: _Element | None) -> tuple[str, int] | None:
    """(list, level from 0) of paragraph properties, None where they do not state it."""
    numbers = properties.find(W + "numPr") if properties is not None else None
    if numbers is None:
        return None
    depth = value(numbers, "ilvl") or "0"
    return value(numbers, "numId") or "0", min(int(depth), 8) if depth.isdecimal() else 0


def outline(properties: _Element | None) -> int | None:
    """The level of a heading in paragraph properties, 0 for none, None if they do not state it."""
    level = value(properties, "outlineLvl")
    if level is None or not level.isdecimal():
        return None
    return int(level) + 1 if int(level) < 9 else 0


def styles(package: Package) -> dict[str, Style]:
    """Styles by their id."""
    root = package.xml("word/styles.xml")
    if root is None:
        return {}
    sources = {one.get(W + "styleId", ""): one for one in root.iterfind(W + "style")}
    found: dict[str, Style] = {}
    for name in sources:
        chain: list[str] = []
        above = name
        while above in sources and above not in found and above not in chain:
            chain.append(above)
            above = value(sources[above], "basedOn") or ""
        base = found.get(above, Style())
        for one in reversed(chain):
            base = found[one] = _style(sources[one], base)
    return found


def _style(source: _Element, base: Style) -> Style:
    name = value(source, "name") or ""
    paragraph, run = source.find(W + "pPr"), source.find(W + "rPr")
    heading = _HEADING.match(name)
    level = int(heading[1]) if heading else outline(paragraph)
    bold = value(run, "b")
    place = list_place(paragraph)
    return Style(
        name,
        base.level if level is None else level,
        base.code or bool(_CODE.search(name)) or is_monospaced(run),
        base.bold if bold is None else is_on(bold),
        place or base.list,
    )


def numbering(package: Package) -> dict[tuple[str, int], Level]:
    """Return the bullets and numbers of lists, by (list, level from 0)."""
    root = package.xml("word/numbering.xml")
    if root is None:
        return {}
    kinds: dict[str, dict[int, Level]] = {}
    for kind in root.iterfind(W + "abstractNum"):
        levels = kinds[kind.get(W + "abstractNumId", "")] = {}
        for level in kind.iterfind(W + "lvl"):
            levels[_number(level.get(W + "ilvl"), 0)] = _level(level)
    found: dict[tuple[str, int], Level] = {}
    for number in root.iterfind(W + "num"):
        name = number.get(W + "numId", "")
        levels = dict(kinds.get(value(number, "abstractNumId") or "", {}))
        for change in number.iterfind(W + "lvlOverride"):
            depth = _number(change.get(W + "ilvl"), 0)
            level = change.find(W + "lvl")
            if level is not None:
                levels[depth] = _level(level)
            start = value(change, "startOverride")
            if start is not None and depth in levels:
                levels[depth] = levels[depth]._replace(start=_number(start, 1))
        found.update({(name, depth): level for depth, level in levels.items()})
    return found


def _level(level: _Element) -> Level:
    form, text = value(level, "numFmt") or "decimal", value(level, "lvlText") or ""
    mark = "" if form == "none" or not text.strip() else "-" if form == "bullet" else "1"
    return Level(mark, _number(value(level, "start"), 1))


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 6 else default
