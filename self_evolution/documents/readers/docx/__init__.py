"""Word files: they are converted into a page of HTML, which the HTML reader reads.

Text boxes and footnotes keep their places; deleted text, headers and footers are left out. Fields
of the kind TOC are tables of contents, whatever the language.
"""

from __future__ import annotations

from lxml.etree import _Element

from self_evolution.documents.readers import html
from self_evolution.documents.readers.base import Builder, Content, Malformed, normal
from self_evolution.documents.readers.docx import styles
from self_evolution.documents.readers.docx.page import Page
from self_evolution.documents.readers.docx.styles import W
from self_evolution.documents.readers.package import Package

_OLD = b"\xd0\xcf\x11\xe0"
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
_TITLE = "{http://purl.org/dc/elements/1.1/}title"


def read(data: bytes) -> Content:
    """Read the text of a DOCX; its title is the text in that style, or else the file's own.

    Raises Malformed if the file is no DOCX.
    """
    if data.startswith(_OLD):
        raise Malformed("a password-protected or old Word file; save it as DOCX")
    package = Package(data)
    body = package.xml("word/document.xml")
    if body is None:
        there = "word/document.xml" in package.names()
        raise Malformed("its text is broken" if there else "a ZIP archive, but no Word file in it")
    looks, marks = styles.styles(package), styles.numbering(package)
    page = Page(looks, marks, _links(package), _notes(package))
    root = page.convert(body)
    builder = Builder()
    builder.struck = page.runs.struck
    html.build(root, builder)
    return Content(page.title or _core_title(package), builder.parts(), builder.note)


def _links(package: Package) -> dict[str, str]:
    """Addresses of links by their ids."""
    root = package.xml("word/_rels/document.xml.rels")
    if root is None:
        return {}
    links = root.iterfind(_RELATIONS + "Relationship")
    return {one.get("Id", ""): one.get("Target", "") for one in links}


def _notes(package: Package) -> dict[tuple[str, str], _Element]:
    """Footnotes and endnotes by kind and id."""
    found = {}
    for kind in ("footnote", "endnote"):
        root = package.xml(f"word/{kind}s.xml")
        for note in root.iterfind(W + kind) if root is not None else ():
            found[kind, note.get(W + "id", "")] = note
    return found


def _core_title(package: Package) -> str:
    root = package.xml("docProps/core.xml")
    return " ".join(normal(root.findtext(_TITLE) or "").split()) if root is not None else ""
