"""The text that a reader should find: headings and text of an HTML source, extracted independently.

Only lxml's parser and the class names by which the generators themselves mark navigation and
tables of contents are used, so that a mistake of the readers is not repeated here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import lxml.html
from lxml.html import HtmlElement

HEADING, TEXT, CODE, CELL, NOTE = "heading", "text", "code", "cell", "note"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DOCBOOK = "toc list-of-tables list-of-figures list-of-examples navheader navfooter"
_SPHINX = "sphinxsidebar sphinxsidebarwrapper related headerlink linenos"
_TEXINFO = """contents shortcontents nav-panel header copiable-anchor copiable-link menu mini_toc
    section-toc mini-toc"""
_PUBLICAN = "docnav producttitle"
_NAVIGATION = _names(f"{_DOCBOOK} {_SPHINX} {_TEXINFO} {_PUBLICAN} footer")
_INDEX = re.compile(r"\bindex-\w+|printindex")  # Texinfo
_NOTES = _names("footnotes footnote footnotes-segment footnote-list footdef")
_NAVIGATION_IDS = _names("toc toctitle SEC_Contents SEC_Shortcontents footer TOC")
_UNSEEN = _names("script style head nav footer template noscript title svg math img")
_TITLE_PAGE = _names(
    """author subtitle editor othercredit corpauthor releaseinfo footnote-body-heading
    footnotes-heading"""
)
_ADMONITIONS = _names("note tip important warning caution")
_HEADINGS = _names("h1 h2 h3 h4 h5 h6")
_BLOCKS = _names(
    """address article aside blockquote body center dd details div dl dt fieldset figcaption figure
    footer form h1 h2 h3 h4 h5 h6 header hr li main ol p pre section table tbody thead tfoot tr
    td th caption ul br summary"""
)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)


class Block(NamedTuple):
    """One heading (`level` 1 to 6), paragraph, line of code, cell or footnote (0), in order."""

    kind: str
    level: int
    text: str


def parse(data: bytes) -> HtmlElement:
    """The page's tree without navigation, table of contents, scripts and images."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        declared = _CHARSET.search(data[:4096])
        text = data.decode(declared[1].decode() if declared else "latin-1", errors="replace")
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    root = lxml.html.document_fromstring(text)
    body = root if root.tag == "body" else root.find("body")
    if body is None:
        body = root
    for element in list(body.iter()):
        if element is not body and (not isinstance(element.tag, str) or _left_out(element)):
            element.drop_tree()
        elif element.tag in _HEADINGS and _is_text(element):
            element.tag = "p"
    return body


def blocks(body: HtmlElement) -> list[Block]:
    """The text of a tree as blocks, none of them empty."""
    found = []
    for kind, level, text in _walk(body):
        text = text if kind == CODE else " ".join(text.split())
        if text.strip():
            found.append(Block(kind, level, text.strip()))
    return found


def headings(content: Sequence[Block]) -> list[tuple[int, str]]:
    """(level, text) of the headings that have text under them, their own or that of others."""
    found = []
    for i, block in enumerate(content):
        if block.kind == HEADING:
            following = next(
                (b for b in content[i + 1 :] if b.kind != HEADING or b.level <= block.level), None
            )
            if following is not None and following.kind != HEADING:
                found.append((block.level, block.text))
    return found


def _left_out(element: HtmlElement) -> bool:
    if element.tag in _UNSEEN:
        return True
    classes = set((element.get("class") or "").split())
    if "toctree-wrapper" in classes:  # a list of pages, or in a single page, all of the chapters
        return element.find(".//section") is None and element.find(".//h2") is None
    if element.tag in ("table", "div"):  # Texinfo's indices, and the letters to jump to in them
        letters = element.tag == "table" and element.find(".//a[@class='summary-letter']")
        if _INDEX.search(element.get("class") or "") or letters not in (False, None):
            return True
    return bool(classes.intersection(_NAVIGATION)) or element.get("id") in _NAVIGATION_IDS


def _is_text(heading: HtmlElement) -> bool:
    """DocBook sets authors and the word "Note" as headings; those of footnotes head no section."""
    above = heading.getparent()
    classes = (heading.get("class") or "").split()
    around = (above.get("class") or "").split() if above is not None else []
    return bool(_TITLE_PAGE.intersection(classes) or _ADMONITIONS.intersection(around))


def _walk(element: HtmlElement) -> Iterator[tuple[str, int, str]]:
    """Blocks of an element. Inline text is gathered until a block begins or ends."""
    run: list[str] = []
    mode = (TEXT, 0)

    def flush() -> Iterator[tuple[str, int, str]]:
        text = "".join(run)
        run.clear()
        if mode[0] == CODE:
            yield from ((CODE, 0, line) for line in text.split("\n"))
        else:
            yield (*mode, text)

    # An explicit stack: real pages nest deeper than recursion is allowed to.
    stack: list[tuple[HtmlElement, bool, tuple[str, int]]] = [(element, True, mode)]
    while stack:
        node, opening, outer = stack.pop()
        is_block = node.tag in _BLOCKS
        if opening:
            if is_block:
                yield from flush()
            here = _mode(node, outer)
            mode = here
            run.append(node.text or "")
            stack.append((node, False, outer))
            stack.extend((child, True, here) for child in reversed(node))
            continue
        if is_block:
            yield from flush()
        mode = outer
        if node is not element:
            run.append(node.tail or "")
    yield from flush()


def _mode(node: HtmlElement, outer: tuple[str, int]) -> tuple[str, int]:
    classes = set((node.get("class") or "").split())
    if outer[0] == NOTE or (node.tag in _BLOCKS and _NOTES & classes):
        return (NOTE, 0)  # it stands elsewhere on paper
    if node.tag in _HEADINGS:
        return (HEADING, int(node.tag[1]))
    if node.tag == "pre":
        return (CODE, 0)
    if node.tag in ("td", "th") and outer[0] == TEXT:
        return (CELL, 0)
    return outer
