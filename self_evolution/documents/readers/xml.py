"""XML: DITA as the web page that it stands for, other text by its shape, and data as records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lxml import etree

from self_evolution.documents.readers import html, pandoc
from self_evolution.documents.readers.base import Builder, Content, Malformed
from self_evolution.documents.readers.entities import resolved
from self_evolution.documents.readers.html.elements import names
from self_evolution.documents.readers.passages.records import record

_DOCBOOK = names("book article chapter appendix part preface refentry reference set section sect1")
# What the elements of DITA are in a web page; others keep their name, or are text.
_MEANT = {
    name: tag
    for tag, some in {
        "p": "shortdesc abstract cmd info stepxmp stepresult tutorialinfo",
        "ul": "ul sl choices steps-unordered substeps-unordered",
        "ol": "ol steps substeps",
        "li": "li sli step substep choice",
        "dl": "dl parml glossary",
        "dt": "dt pt glossterm",
        "dd": "dd pd glossdef",
        "pre": "pre codeblock msgblock screen lines programlisting literallayout",
        "table": "table simpletable properties choicetable",
        "tr": "tr row strow sthead chrow chhead property prophead",
        "td": "td entry stentry choption chdesc proptype propvalue propdesc",
        "th": "th choptionhd chdeschd proptypehd propvaluehd propdeschd",
        "code": "codeph filepath cmdname varname option parmname apiname systemoutput userinput",
        "blockquote": "lq",
        "div": "section sectiondiv example context prereq postreq result note fig figgroup",
    }.items()
    for name in some.split()
}
_KEPT = names("p b strong sup sub q thead math")
_UNSEEN = names(
    "prolog metadata titlealts related-links reltable draft-comment required-cleanup indexterm "
    "topicmeta image data unknown foreign script style colspec"
)
_TITLES = names("title head heading caption")
_BESIDE = names("table fig figure note simpletable")  # their titles head no section


def read(data: bytes) -> Content:
    """The text of an XML file under the title or the name of its root.

    A web page in it is read as one, DocBook by pandoc. Where no element has text beside other
    elements, it is data. The note counts the files that it would include. Raises Malformed for what
    is no XML.
    """
    whole, outside = resolved(data)
    content = _content(whole, _tree(whole))
    note = f"left out: what it includes from other files ({outside:,})" if outside else ""
    return content._replace(note="; ".join(filter(None, (content.note, note))))


def _content(data: bytes, root: etree._Element) -> Content:
    spaces = " ".join(map(str, root.nsmap.values()))
    if root.tag == "html":
        return html.read(data)
    if "docbook.org" in spaces or (root.tag in _DOCBOOK and root.find(".//para") is not None):
        return pandoc.read(data, "docbook")
    builder = Builder()
    if not any(_is_mixed(one) or one.tag == "p" for one in root.iter()):
        builder.heading(1, root.tag)
        value = _value(root)
        builder.block(record(value) if isinstance(value, dict) else value)
        return Content(root.tag, builder.parts())
    title = next((_text(one) for one in root.iter(*_TITLES)), "") or root.tag
    if root.find("title") is None:
        builder.heading(1, title)
    _page(root, root.tag, 1)
    root.tag = "body"
    html.build(root, builder)
    return Content(title, builder.parts(), builder.note)


def _tree(data: bytes) -> etree._Element:
    """The tree without comments; its elements have lost their namespaces and capitals."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Malformed(f"broken XML ({' '.join(str(error).split())[:200]})") from None
    for element in root.iter(etree.Element):
        element.tag = etree.QName(element).localname.lower()
    return root


def _is_mixed(element: etree._Element) -> bool:
    """Whether an element holds both words and elements."""
    texts = [element.text, *(one.tail for one in element)] if len(element) else []
    return any(text and not text.isspace() for text in texts)


def _page(
    element: etree._Element,
    name: str,
    level: int,
    inline: bool = False,
    columns: Sequence[str] = (),
) -> None:
    """Turn the elements within one into those of a web page.

    `name` is what the element was, `level` that of its title; `inline`: it stands among words;
    `columns` are the names of those of the table around it.
    """
    inline = inline or _is_mixed(element)
    columns = [one.get("colname", "") for one in element.iterfind("colspec")] or columns
    for one in element:
        tag, spans = one.tag, _spans(one, columns)
        one.attrib.clear()
        one.attrib.update(spans)
        titled = tag not in _BESIDE and one.find("title") is not None
        inside = False
        if tag in _UNSEEN:
            one.tag = "template"
        elif tag in _TITLES and not inline:
            one.tag = "caption" if name in _BESIDE else f"h{min(level, 6)}"
            inside = True
        elif tag in _MEANT or tag in _KEPT:
            one.tag = _MEANT.get(tag, tag)
        else:
            inside = inline
            one.tag = "span" if inline else "div"
        _page(one, tag, level + titled, inside, columns)


def _spans(cell: etree._Element, columns: Sequence[str]) -> dict[str, str]:
    """The rows and columns that a cell takes, in the words of a web page."""
    found: dict[str, str] = {}
    if cell.get("morerows", "").isdecimal():
        found["rowspan"] = str(int(cell.get("morerows", "")) + 1)
    first, last = cell.get("namest"), cell.get("nameend")
    if first in columns and last in columns:
        found["colspan"] = str(columns.index(last) - columns.index(first) + 1)
    return found


def _text(element: etree._Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _value(element: etree._Element) -> dict[str, Any] | str:
    """Data as a value of JSON: attributes and children by their names, or a text alone."""
    found: dict[str, Any] = {name.rpartition("}")[2]: one for name, one in element.items()}
    text = (element.text or "").strip()
    if not found and not len(element):
        return text
    if text:
        found["text"] = text
    several: dict[str, list[Any]] = {}
    for child in element:
        several.setdefault(child.tag, []).append(_value(child))
    for tag, values in several.items():
        found[tag] = values if len(values) > 1 else values[0]
    return found
