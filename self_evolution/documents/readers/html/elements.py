"""The meaning of single elements of a page: levels, numbers, languages, list markers."""

from __future__ import annotations

import re

from lxml.etree import _Element

from self_evolution.documents.readers.base import normal
from self_evolution.documents.readers.html.inline import index, power

HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))


def names(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


# The names that generators of documentation have for notes.
_BOX = re.compile(r"(?:^|[\s_-])(?:note|tip|hint|warning|caution|danger|important|admonition)\b")
_LANGUAGE = re.compile(r"\b(?:language|lang|highlight|brush:|sourceCode)[-_ ]\s*([\w+#]+)")
_NO_LANGUAGE = names("default none text notranslate source plain nohighlight")

DEEPEST = 9  # level of headings; word processors have no more either


def level_of(element: _Element) -> int:
    """The level of a heading; 0 for other elements."""
    if element.tag in HEADINGS:
        return int(element.tag[1])
    if element.get("role") != "heading":
        return 0
    return min(number(element, "aria-level", 2) or 2, DEEPEST)


def is_in_box(heading: _Element) -> bool:
    """Whether a heading is that of a note, after which the section continues."""
    box = heading.getparent()
    if box is None or box.tag in ("body", "section", "article", "main"):
        return False
    return box.tag in ("aside", "blockquote") or bool(_BOX.search(box.get("class", "")))


def number(element: _Element, name: str, default: int | None) -> int | None:
    value = element.get(name, "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else default


def in_head(cell: _Element) -> bool:
    row = cell.getparent()
    head = row.getparent() if row is not None else None
    return head is not None and head.tag == "thead"


def language(pre: _Element) -> str:
    """The language that a code block states; highlighters write it around or inside the block."""
    near = [pre, *pre[:1]]
    for above in pre.iterancestors():
        near.append(above)
        if len(near) > 3:
            break
    for element in near:
        found = _LANGUAGE.search(element.get("class", ""))
        if found and found[1].lower() not in _NO_LANGUAGE:
            return found[1].lower()
    return ""


def are_line_numbers(code: str, pre: _Element) -> bool:
    """Whether this cell has the line numbers of the code in the next cell."""
    if not all(line.isdigit() for line in code.split()):
        return False
    cell = next(pre.iterancestors("td"), None)
    return cell is not None and cell.getnext() is not None


def title(root: _Element) -> str:
    """Return the title that the page gives itself."""
    for element in (root.find("head/title"), root.find(".//h1"), root.find(".//title")):
        text = " ".join(normal("".join(element.itertext())).split()) if element is not None else ""
        if text:
            return text.rstrip("¶#§ ")
    return ""


def mark(element: _Element, text: str) -> str:
    """Whether an element is raised or lowered text, or the link to a note."""
    inner = element.find("a")
    link = element.getparent() if inner is None else inner
    linked = link is not None and link.tag == "a" and bool(link.get("href"))
    if element.tag == "a" or (element.tag == "sup" and linked):
        text = text.strip()
        return text if text.startswith("[") else f"[{text}]"
    return power(text) if element.tag == "sup" else index(text)
