"""The content of a page: what is hidden or navigation, and which tables hold data.

Navigation is known by what it is made of, whatever the language: marked as such, or nearly nothing
but links within the site. A block with a sentence in it always stays.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from lxml import etree

from self_evolution.documents.readers.html.controls import Controls, find
from self_evolution.documents.readers.html.elements import HEADINGS, names

_HIDDEN = names(
    "title script style template noscript svg canvas audio video object iframe embed map "
    "select datalist button textarea rp nav annotation annotation-xml"
)
_ROLES = names("navigation search menu menubar toolbar tablist")
_UNSEEN = re.compile(r"(?:\bdisplay\s*:\s*none|\bvisibility\s*:\s*hidden)\b", re.IGNORECASE)
STRUCK = names("del s strike")
_CROSSED = re.compile(r"text-decoration(?:-line)?\s*:[^;]*\bline-through", re.IGNORECASE)
_ICONS = names("a i b span em")
_PARAGRAPHS = names("p li dd dt")
_CONTAINERS = names(
    "ul ol dl menu dir table tr td div section aside header footer p form center fieldset"
)
BLOCKS = (
    HEADINGS
    | _CONTAINERS
    | names(
        "html body main article address blockquote caption dd details dt figcaption figure hgroup "
        "hr legend li nav pre summary tbody thead tfoot th"
    )
)
_TURNING = names("prev previous next up start contents index first last home toc")
_WORD = re.compile(r"[^\W\d_]+")  # numbers of sections and pages say nothing
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_COMMAS = (",", "\u060c", "\u3001", "\uff0c")
_BARS = names("| > \u203a \u00bb / \u00b7 \u2022 \u2192 :: < \u2039 \u00ab")
_STOPS = (".", "!", "?", "\u3002", "\uff01", "\uff1f")
_SHORT = 8  # letters up to which a full stop ends no sentence but a number or a short form
_SENTENCE = 24  # letters beside the links from which on a paragraph says something
_BAR = 300  # letters at most in a bar that turns pages


class Survey(NamedTuple):
    """Elements to skip with all their content, and tables that hold data."""

    unseen: set[etree._Element]
    data: set[etree._Element]
    controls: Controls


class _Block:
    """The letters and links of a block: its own, `run`, and those of everything in it."""

    def __init__(self, element: etree._Element) -> None:
        self.element = element
        self.links = self.turning = self.linked = self.beside = 0
        self.run = 0  # letters beside links that stand directly in this block
        self.prose = self.paragraph = self.heading = self.menu = self.code = False
        self.bars = 0  # signs that stand between links
        self.rows = self.cells = self.widest = 0
        self.layout = self.data = False
        self.menus: set[etree._Element] = set()  # navigation in this table, unless it holds data

    def note_text(self, text: str, letters: int) -> None:
        """Notes what text beside the links says about them."""
        bare = text.strip()
        # Links in a row, as in a sentence; an index has them too, in its items.
        self.prose |= bare.startswith(_COMMAS) and self.element.tag not in ("li", "dt", "dd")
        self.bars += bare in _BARS
        self.prose |= letters > _SHORT and bare.endswith(_STOPS)

    def is_navigation(self, page: bool) -> bool:
        """Whether an element has nothing to read; `page`: it heads or ends the whole page."""
        tag = self.element.tag
        if tag not in _CONTAINERS or self.code or not self.links:
            return False
        if self.turning > 1 and not self.heading and not self.paragraph:
            return self.linked + self.beside <= _BAR
        if page and not self.heading and not self.paragraph:
            return self.beside <= self.linked + 60
        if self.prose:
            return False
        if self.bars and self.bars + 1 >= self.links > 1:
            return self.beside <= _SENTENCE
        if tag == "p" or self.links < 3:
            return self.links > 1 and not self.beside
        return self.beside <= (max(self.linked // 4, _SENTENCE) if self.menu else self.linked // 4)


def survey(root: etree._Element) -> Survey:
    """Goes through the page once, from the leaves up."""
    hidden: set[etree._Element] = set()
    unseen: set[etree._Element] = set()  # navigation
    data: set[etree._Element] = set()
    blocks = [_Block(root)]
    tables: list[_Block] = []
    here, neighbours = _site(root)
    controls = find(root)
    link: etree._Element | None = None
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        block, tag = blocks[-1], element.tag
        if event == "start":
            if _is_hidden(element, controls) or is_struck(element):
                hidden.add(element)
                walker.skip_subtree()
                continue
            if tag in BLOCKS and element is not root:
                link = None  # a link around blocks is a card with text, no entry of a menu
                block = _Block(element)
                blocks.append(block)
                if tag == "table":
                    tables.append(block)
                elif tables:
                    _count(tables[-1], element)
            elif tag == "a" and _is_local(element.get("href"), here):
                link = element
                block.links += 1
                block.turning += _turns(element, neighbours)
            text = element.text
        else:
            if element in hidden:
                pass
            elif tag in BLOCKS and element is not root:
                blocks.pop()
                if tag == "table" and _is_data(tables):
                    data.add(element)
                    block.data = True
                elif tag == "table":
                    (tables[-1].menus if tables else unseen).update(block.menus)
                _close(block, blocks, tables[-1].menus if tables else unseen)
                block, link = blocks[-1], None
            elif element is link:
                link = None
            text = element.tail if element is not root else None
        if text and not text.isspace():
            letters = _letters(text)
            if link is not None:
                block.linked += letters
            else:
                block.beside += letters
                block.run += letters
                block.note_text(text, letters)
    unseen |= hidden
    unseen |= {one for one, region in controls.regions.items() if region in unseen}
    return Survey(unseen, data, controls)


def is_struck(element: etree._Element) -> bool:
    """Whether an element is crossed out."""
    style = element.get("style")
    return element.tag in STRUCK or bool(style and _CROSSED.search(style))


def _is_hidden(element: etree._Element, controls: Controls) -> bool:
    """Whether neither this element nor anything in it is shown as part of the text."""
    if element.tag in _HIDDEN:
        return element not in controls.texts
    attributes = element.attrib
    if not attributes or controls.opens(element):
        return False
    role = attributes.get("role")
    if "hidden" in attributes or role in _ROLES:
        # Some accordions are called lists of tabs, with all that they open inside.
        return role != "tablist" or element.find(".//*[@role='tabpanel']") is None
    if attributes.get("aria-hidden") == "true" and element.tag in _ICONS:
        return True
    if "mw-editsection" in attributes.get("class", ""):
        return True
    style = attributes.get("style")
    # Formulas are often hidden behind a picture of them.
    return bool(style and _UNSEEN.search(style) and element.find("math") is None)


def _close(block: _Block, blocks: list[_Block], unseen: set[etree._Element]) -> None:
    """Judge a block that has ended, and add its counts to the block around it."""
    tag, above = block.element.tag, blocks[-1]
    block.heading |= tag in HEADINGS
    block.code |= tag == "pre" and bool(block.linked + block.beside)
    above.prose |= block.data and block.beside > 0
    if block.run > _SENTENCE and tag not in HEADINGS:
        block.prose = True
        block.paragraph |= tag in _PARAGRAPHS
    page = (
        tag in ("header", "footer") or block.element.get("role") in ("banner", "contentinfo")
    ) and not any(one.element.tag in ("article", "section", "main", "blockquote") for one in blocks)
    if block.is_navigation(page) and not _is_introduced(block.element):
        unseen.add(block.element)
        above.menu = True
    above.menu |= block.menu
    above.links += block.links
    above.turning += block.turning
    above.linked += block.linked
    above.beside += block.beside
    above.prose |= block.prose
    above.paragraph |= block.paragraph
    above.heading |= block.heading
    above.code |= block.code


def _is_introduced(element: etree._Element) -> bool:
    """Whether the sentence before, which ends with a colon, continues in this block."""
    before, above = element.getprevious(), element.getparent()
    if before is not None:
        text = before.tail or ""
        text = text if text.strip() else "".join(before.itertext())
    else:
        text = (above.text if above is not None else "") or ""
    return text.rstrip().endswith((":", "：")) and _letters(text) > _SENTENCE


def _count(table: _Block, element: etree._Element) -> None:
    """Count a block in a table: its rows and cells, and elements that no cell of data has."""
    tag = element.tag
    if tag == "tr":
        table.rows += 1
        table.cells = 0
    elif tag in ("td", "th"):
        table.cells += 1
        table.widest = max(table.widest, table.cells)
    elif tag in HEADINGS or (tag == "pre" and _has_lines(element)):
        table.layout = True


def _is_data(tables: list[_Block]) -> bool:
    """Judge the innermost table, which has ended; a table that holds another is layout."""
    table = tables.pop()
    layout = table.layout or table.element.get("role") in ("presentation", "none")
    holds = not layout and table.rows > 1 and table.widest > 1
    if tables:
        tables[-1].layout |= holds or table.layout
    return holds


def _has_lines(pre: etree._Element) -> bool:
    text = "".join(pre.itertext())
    return "\n" in text.strip() or pre.find(".//br") is not None


def _site(root: etree._Element) -> tuple[str, frozenset[str]]:
    """The page's own host, and the addresses of the pages before, after and above it."""
    places = (root.find("head/base"), root.find("head/link[@rel='canonical']"))
    host = next((_host(one.get("href", "")) for one in places if one is not None), "")
    turning = frozenset(
        link.get("href", "")
        for link in root.iterfind("head/link")
        if link.get("rel", "").lower() in _TURNING
    )
    return host, turning - {"", "#"}


def _host(address: str) -> str:
    """The host in an address, or an empty text."""
    try:
        return urlsplit(address.strip()).hostname or ""
    except ValueError:
        return ""


def _is_local(href: str | None, host: str) -> bool:
    """Whether a link leads to another place of this site or page."""
    if href is None:
        return False
    start = href.lstrip()[:16].lower()
    if start.startswith(("http:", "https:", "//")):
        return bool(host) and _host(href) == host
    return not start.startswith(("mailto:", "ftp:", "tel:", "data:"))


def _turns(link: etree._Element, neighbours: frozenset[str]) -> int:
    """Score how much a link looks like one that turns pages: 2 if declared so, 1 if it leads
    there."""
    if "accesskey" in link.attrib or link.get("rel", "").lower() in _TURNING:
        return 2
    return int(link.get("href") in neighbours)


def _letters(text: str) -> int:
    """Count letters; a character that is a word or half of one counts as three."""
    count = sum(map(len, _WORD.findall(text)))
    return count if text.isascii() else count + 2 * len(_WIDE.findall(text))
