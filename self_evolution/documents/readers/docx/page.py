"""The body of a Word file as HTML: its paragraphs as headings, lists, code and tables."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from self_evolution.documents.readers.base import normal
from self_evolution.documents.readers.docx.omml import M, formula
from self_evolution.documents.readers.docx.places import Items, Place, Table
from self_evolution.documents.readers.docx.runs import Look, Runs, allowed, fill, is_menu, sub
from self_evolution.documents.readers.docx.styles import Level, Style, W, is_on, outline, value
from self_evolution.documents.readers.docx.symbols import meant, symbol
from self_evolution.documents.readers.html.elements import names

_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_LEFT_OUT = frozenset((W + "del", W + "moveFrom", _FALLBACK))
_CHARACTERS = {"tab": "\t", "cr": "\n", "noBreakHyphen": "-"}
# Styles of converters and word processors for what HTML has elements for.
_TAGS = {
    "definition term": "dt",
    "list heading": "dt",
    "definition": "dd",
    "list contents": "dd",
    "block text": "blockquote",
    "quote": "blockquote",
    "intense quote": "blockquote",
    "quotations": "blockquote",
}
_WANTED = [
    *(W + name for name in names("p r t tab br cr noBreakHyphen tbl tr tc txbxContent sdt")),
    *(W + name for name in names("hyperlink fldChar instrText fldSimple")),
    *(W + name for name in names("footnoteReference endnoteReference")),
    W + "sym",
    M + "oMath",
    *_LEFT_OUT,
]


class _Paragraph:
    def __init__(self, source: etree._Element, outer: Look | None) -> None:
        self.source = source
        self.outer = outer  # the run around this page, if it is a text box
        self.pieces: list[tuple[Look, str]] = []
        self.notes: list[str] = []


class Page:
    """Makes the page; `title` is the text of the first paragraph in the style for titles."""

    def __init__(
        self,
        styles: Mapping[str, Style],
        marks: Mapping[tuple[str, int], Level],
        links: Mapping[str, str],
        notes: Mapping[tuple[str, str], etree._Element],
    ) -> None:
        self._styles, self._notes = styles, notes
        self.runs = Runs(styles, links)
        self._items = Items(marks)
        self.title = ""
        self._places: list[Place] = []
        self._paragraphs: list[_Paragraph] = []
        self._look: Look | None = None  # of the run that is open
        self._font = ""  # the font of that run
        self._tables: list[Table] = []
        self._noted = 0

    def convert(self, document: etree._Element) -> etree._Element:
        """The page's root element."""
        root = etree.Element("html")
        self._places = [Place(etree.SubElement(root, "body"))]
        self._walk(document)
        return root

    def _walk(self, document: etree._Element) -> None:
        walker = etree.iterwalk(document, events=("start", "end"), tag=_WANTED)
        for event, element in walker:
            tag = element.tag
            if event == "start":
                if tag == M + "oMath":
                    self._add(formula(element), math=True)
                    walker.skip_subtree()
                elif tag in _LEFT_OUT or self._is_left_out(tag, element):
                    walker.skip_subtree()
                else:
                    self._start(tag, element)
            elif tag not in _LEFT_OUT and not self._is_left_out(tag, element):
                self._end(tag, element)

    def _is_left_out(self, tag: str, element: etree._Element) -> bool:
        """Whether this is a table of contents, or a row that was deleted."""
        if tag == W + "sdt":
            kind = element.find(f"{W}sdtPr/{W}docPartObj/{W}docPartGallery")
            return kind is not None and kind.get(W + "val") == "Table of Contents"
        return tag == W + "tr" and element.find(f"{W}trPr/{W}del") is not None

    def _start(self, tag: str, element: etree._Element) -> None:
        name = tag[tag.index("}") + 1 :]
        if name == "t":
            self._add(meant(element.text or "", self._font))
        elif name == "sym":
            self._add(symbol(element.get(W + "font", ""), element.get(W + "char", "")))
        elif name == "p":
            self._paragraphs.append(_Paragraph(element, self._look))
            self._look = None
            self.runs.paragraph()
        elif name == "r":
            properties = element.find(W + "rPr")
            self._look = self.runs.look(properties)
            fonts = properties.find(W + "rFonts") if properties is not None else None
            self._font = fonts.get(W + "ascii", "") if fonts is not None else ""
        elif name in _CHARACTERS:
            self._add(_CHARACTERS[name])
        elif name == "br":
            self._add("\n" if element.get(W + "type") is None else " ")
        elif name == "hyperlink":
            self.runs.hyperlink(element)
        elif name in ("fldChar", "instrText", "fldSimple"):
            self._add(self.runs.field(name, element))
        elif name in ("footnoteReference", "endnoteReference") and self._paragraphs:
            self._note(name.removesuffix("Reference"), element.get(W + "id", ""))
        else:
            self._start_table(name, element)

    def _end(self, tag: str, element: etree._Element) -> None:
        name = tag[tag.index("}") + 1 :]
        if name == "p" and self._paragraphs:
            paragraph = self._paragraphs.pop()
            self._look = paragraph.outer
            self._place_paragraph(paragraph)
        elif name == "r":
            self._look = None
        elif name == "hyperlink":
            self.runs.hyperlink(None)
        elif name == "fldSimple":
            self.runs.close_field()
        elif name == "tbl" and self._tables:
            self._tables.pop()
        elif name in ("tc", "txbxContent") and len(self._places) > 1:
            self._places.pop()

    def _add(self, text: str, math: bool = False) -> None:
        look = Look() if math else self._look
        if text and self._paragraphs and look is not None and not self.runs.contents:
            self._paragraphs[-1].pieces.append((look, text))

    def _note(self, kind: str, name: str) -> None:
        note = self._notes.get((kind, name))
        if note is None:
            return
        self._noted += 1
        paragraphs = note.iter(W + "p")
        text = " ".join("".join(one.itertext(W + "t")) for one in paragraphs)
        mark = f"[{self._noted}]"
        self._paragraphs[-1].pieces.append((Look(), mark))
        self._paragraphs[-1].notes.append(f"{mark} {text.strip()}")

    def _start_table(self, name: str, element: etree._Element) -> None:
        place = self._places[-1]
        if name == "tbl":
            place.end()
            self._tables.append(Table(etree.SubElement(place.element, "table")))
        elif name == "txbxContent":
            self._places.append(Place(etree.SubElement(place.element, "div")))
        elif name == "tr" and self._tables:
            table = self._tables[-1]
            table.row = etree.SubElement(table.element, "tr")
            table.column = 0
            table.head = is_on(value(element.find(W + "trPr"), "tblHeader"))
        elif name == "tc" and self._tables:
            self._places.append(Place(self._tables[-1].cell(element.find(W + "tcPr"))))

    def _place_paragraph(self, paragraph: _Paragraph) -> None:
        """Put a paragraph that has ended in its place."""
        place = self._places[-1]
        properties = paragraph.source.find(W + "pPr")
        style = self._styles.get(value(properties, "pStyle") or "", Style())
        name = style.name.lower()
        if name.startswith(("toc ", "table of ")):
            return
        pieces = paragraph.pieces
        text = "".join(piece for _, piece in pieces)
        if style.code:
            self._place_code(place, properties, style, text)
            return
        joined, place.joined = place.joined, None
        goes_on = properties is not None and properties.find(f"{W}rPr/{W}del") is not None
        if joined is not None:
            fill(sub(joined, "span", {}), pieces)
            _add_notes(joined.getparent(), paragraph)
            place.joined = joined if goes_on else None
            return
        if not text.strip():
            place.code = None
            return
        level = outline(properties)
        level = style.level if level is None else level
        if name == "title" and not self.title and len(self._places) == 1:
            self.title = " ".join(normal(text).split())
            return
        if level:
            place.end()
            element = sub(place.element, "div", {"role": "heading", "aria-level": str(level)})
            fill(element, pieces)
            place.joined = element if goes_on else None
            return
        place.code = None
        parent = self._items.parent(place, properties, style)
        tag = _TAGS.get(name, "p")
        if parent is place.element:
            parent = place.group(parent, is_menu(pieces))
        element = sub(parent, tag, {})
        fill(element, pieces)
        place.joined = element if goes_on else None
        _add_notes(parent, paragraph)

    def _place_code(
        self, place: Place, properties: etree._Element | None, style: Style, text: str
    ) -> None:
        """Continue lines of code until the space after one shows the end of the block."""
        if place.code is not None:
            place.code.text = f"{place.code.text}\n{allowed(text)}"
        elif text.strip():
            parent = self._items.parent(place, properties, style)
            place.code = sub(parent, "pre", {})
            place.code.text = allowed(text)
        spacing = properties.find(W + "spacing") if properties is not None else None
        if spacing is not None and spacing.get(W + "after", "0").strip("0"):
            place.code = None


def _add_notes(parent: etree._Element, paragraph: _Paragraph) -> None:
    for note in paragraph.notes:
        sub(parent, "p", {}).text = allowed(note)
