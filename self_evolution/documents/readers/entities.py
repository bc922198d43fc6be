"""The entities of an XML file: put in their place before the file is parsed, so that none can grow.

A parser that knows a document type alone knows them; the type is not there, or must not be fetched.
"""

from __future__ import annotations

import html
import re

from self_evolution.documents.readers.encoding import decode
from self_evolution.documents.readers.html.tree import declared

_TYPE = re.compile(r"<!DOCTYPE\s[^\[>]*(?:\[(?P<inner>(?:\"[^\"]*\"|'[^']*'|[^\]\"'])*)\]\s*)?>")
_DECLARED = re.compile(
    r"<!--.*?-->|<!ENTITY\s+(?P<name>[\w.-]+)\s+"
    r"(?:(?P<outside>SYSTEM|PUBLIC)\b|\"(?P<text>[^\"]*)\"|'(?P<other>[^']*)')",
    re.DOTALL,
)
_USED = re.compile(r"<!\[CDATA\[.*?\]\]>|<!--.*?-->|&([A-Za-z_][\w.-]*);", re.DOTALL)
_OWN = frozenset(("amp", "lt", "gt", "quot", "apos"))
_LONGEST = 1_000  # characters of a text that an entity stands for


def resolved(data: bytes) -> tuple[bytes, int]:
    """(XML in UTF-8 without its document type, number of other files that it would include).

    An entity that nobody declares is a character of HTML, or else its name: &Ctrl; is Ctrl. Raises
    Malformed for bytes that are no text.
    """
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", decode(data, declared(data)).lstrip("\ufeff"))
    kind = _TYPE.search(text)
    known: dict[str, str] = {}
    outside: set[str] = set()
    for match in _DECLARED.finditer(kind["inner"] or "" if kind else ""):
        if match["outside"]:
            outside.add(match["name"])
        elif match["name"]:
            value = match["text"] or match["other"] or ""
            known.setdefault(match["name"], _replaced(value[:_LONGEST], known, outside)[:_LONGEST])
    body = text[: kind.start()] + text[kind.end() :] if kind else text
    return _replaced(body, known, outside).encode("utf-8", errors="replace"), len(outside)


def _replaced(text: str, known: dict[str, str], outside: set[str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name is None or name in _OWN:
            return match[0]
        if name in outside:
            return ""
        return known.get(name) or html.unescape(match[0]).removeprefix("&").removesuffix(";")

    return _USED.sub(value, text)
