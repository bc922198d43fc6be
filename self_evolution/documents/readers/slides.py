"""PPTX: slides under their titles, with lists, tables, charts' values and speaker notes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from lxml import etree
from pptx import Presentation
from pptx.enum.shapes import PP_PLACEHOLDER as KIND

from self_evolution.documents.readers import packed
from self_evolution.documents.readers.base import Builder, Content, Malformed, table
from self_evolution.documents.readers.docx.omml import M, formula
from self_evolution.documents.readers.html.inline import index, power

_DEEPEST = 8  # groups within groups
_ALTERNATIVES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MAIN = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P14 = "{http://schemas.microsoft.com/office/powerpoint/2010/main}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


def read(data: bytes) -> Content:
    """Return each slide's text from top to bottom, below its title; its number is the page.

    Sections, if there are any, are the level above. The title is the first slide's. Raises
    Malformed if the file is no PPTX file.
    """
    packed.check(data, "PPTX", "ppt/presentation.xml")
    try:
        deck = Presentation(io.BytesIO(data))
        return _content(deck)
    except Exception as error:  # whatever a broken file leads the library to
        raise Malformed(f"broken PPTX ({error})") from None


def _content(deck: Any) -> Content:
    builder = Builder()
    sections = _sections(deck)
    first = ""
    for number, slide in enumerate(deck.slides, 1):
        _choose(slide.element)
        builder.struck += _unstrike(slide.element)
        shape = slide.shapes.title
        title = _lines(shape.text_frame) if shape is not None else ""
        if number == 1:
            first = title
        if section := sections.get(slide.slide_id):
            builder.heading(1, section)
        builder.heading(2 if sections else 1, title or f"Slide {number}")
        for block in _blocks(slide.shapes, title_id=shape.shape_id if title else None):
            builder.block(block, page=number)
        notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
        if notes is not None and (text := _lines(notes, "\n")):
            builder.block(f"Notes: {text}", page=number)
    title = first or _line(deck.core_properties.title or "")
    return Content(title, builder.parts(), builder.note)


def _choose(slide: Any) -> None:
    """Puts shapes with formulas in their places, of which the file has a picture as well."""
    for alternatives in list(slide.iter(f"{_ALTERNATIVES}AlternateContent")):
        choice = alternatives.find(f"{_ALTERNATIVES}Choice")
        for one in list(choice) if choice is not None else ():
            alternatives.addprevious(one)
        alternatives.getparent().remove(alternatives)


def _unstrike(slide: Any) -> int:
    """Takes struck-out runs out of a slide, and counts the passages that they were."""
    found = 0
    for paragraph in slide.iter(f"{_MAIN}p"):
        was_struck = False
        for run in list(paragraph.iterchildren(f"{_MAIN}r", f"{_MAIN}br", f"{_MAIN}fld")):
            properties = run.find(f"{_MAIN}rPr")
            struck = properties is not None and properties.get("strike", "noStrike") != "noStrike"
            found += struck and not was_struck
            was_struck = struck
            if struck:
                paragraph.remove(run)
    return found


def _words(paragraph: Any) -> str:
    """A paragraph's text, with its exponents and formulas as they are typed."""
    pieces: list[tuple[int, str]] = []  # (raised, lowered or neither, text)
    for child in paragraph._p:
        if child.tag == f"{_MAIN}br":
            pieces.append((0, "\v"))
            continue
        text = child.findtext(f"{_MAIN}t") or ""
        properties = child.find(f"{_MAIN}rPr")
        shift = properties.get("baseline", "0").rstrip("%") if properties is not None else "0"
        if formulas := list(child.iter(f"{M}oMath")):
            text = " ".join(map(formula, formulas))
        pieces.append(((shift.strip("0") != "") * (-1 if shift.startswith("-") else 1), text))
    written = ""
    for place, group in groupby(pieces, key=lambda piece: piece[0]):
        text = "".join(text for _, text in group)
        written += power(text) if place > 0 else index(text) if place < 0 else text
    return written


def _lines(frame: Any, between: str = " ") -> str:
    """The text of a frame, whose paragraphs are joined."""
    return _line("\n".join(map(_words, frame.paragraphs)), between)


def _sections(deck: Any) -> dict[int, str]:
    """{slide's id: name} of the first slides of sections."""
    found = {}
    for section in deck.part._element.iter(f"{_P14}section"):
        slide = section.find(f"{_P14}sldIdLst/{_P14}sldId")
        if slide is not None:
            found[int(slide.get("id", "0"))] = _line(section.get("name", ""))
    return found


def _line(text: str, between: str = " ") -> str:
    """Text with the lines' breaks within paragraphs, which are vertical tabs, as spaces."""
    lines = text.replace("\v", " ").split("\n")
    return between.join(filter(None, (" ".join(line.split()) for line in lines)))


def _blocks(shapes: Any, title_id: int | None, depth: int = 0) -> Iterator[str]:
    """Markdown of the shapes, from top to bottom and from left to right."""
    for shape in sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0)):
        if hasattr(shape, "shapes"):
            if depth < _DEEPEST:
                yield from _blocks(shape.shapes, title_id, depth + 1)
        elif getattr(shape, "has_table", False) and shape.has_table:
            yield table([[_lines(one.text_frame) for one in row.cells] for row in shape.table.rows])
        elif getattr(shape, "has_chart", False) and shape.has_chart:
            yield from _chart(shape.chart)
        elif shape.has_text_frame:
            if shape.shape_id != title_id and not _is_furniture(shape):
                yield from _text(shape)
        else:
            yield from _diagram(shape)


def _is_furniture(shape: Any) -> bool:
    kinds = (KIND.DATE, KIND.FOOTER, KIND.HEADER, KIND.SLIDE_NUMBER)
    return shape.is_placeholder and shape.placeholder_format.type in kinds


def _text(shape: Any) -> Iterator[str]:
    """Paragraphs as they are; those with bullets, or in the body of a slide, as a list."""
    body = shape.is_placeholder and shape.placeholder_format.type in (KIND.BODY, KIND.OBJECT)
    paragraphs = [one for one in shape.text_frame.paragraphs if _words(one).strip()]
    body = body and len(paragraphs) > 1
    items: list[str] = []
    for paragraph in paragraphs:
        mark = _bullet(paragraph, body)
        text = _line(_words(paragraph))
        if mark:
            items.append("   " * paragraph.level + f"{mark} {text}")
            continue
        if items:
            yield "\n".join(items)
            items = []
        yield text
    if items:
        yield "\n".join(items)


def _bullet(paragraph: Any, body: bool) -> str:
    properties = paragraph._p.pPr
    if properties is not None:
        if properties.find(f"{_MAIN}buNone") is not None:
            return ""
        if properties.find(f"{_MAIN}buAutoNum") is not None:
            return "1."
        if properties.find(f"{_MAIN}buChar") is not None:
            return "-"
    return "-" if body or paragraph.level else ""


def _chart(chart: Any) -> Iterator[str]:
    """A chart's title, and its values as a table with a row for each category."""
    if chart.has_title and chart.chart_title.has_text_frame:
        yield _lines(chart.chart_title.text_frame)
    for plot in chart.plots:
        series = list(plot.series)
        columns = [[str(one) for one in plot.categories]]
        columns += [[_value(value) for value in one.values] for one in series]
        height = max(map(len, columns), default=0)
        rows = [[column[i] if i < len(column) else "" for column in columns] for i in range(height)]
        if rows:
            names = [_line(str(one.name or "")) or str(i) for i, one in enumerate(series, 1)]
            yield table([["", *names], *rows])


def _value(value: float | None) -> str:
    return "" if value is None else f"{value:.15g}"


def _diagram(shape: Any) -> Iterator[str]:
    """The texts of a diagram's nodes as a list."""
    relation = next(
        (one.get(f"{_RELATION}dm") for one in shape._element.iter(f"{_DIAGRAM}relIds")), ""
    )
    if not relation:
        return
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    tree: etree._Element = etree.fromstring(shape.part.related_part(relation).blob, parser)
    texts = (
        _line(" ".join("".join(p.itertext(f"{_MAIN}t")) for p in node.iter(f"{_MAIN}p")))
        for node in tree.iter(f"{_DIAGRAM}t")
    )
    if items := [f"- {text}" for text in texts if text]:
        yield "\n".join(items)
