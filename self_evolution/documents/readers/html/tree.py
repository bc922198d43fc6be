"""Parsing bytes of HTML or XHTML into a tree, also if they are broken or deeply nested."""

from __future__ import annotations

import re

from lxml import etree

from self_evolution.documents.readers.encoding import decode

_DECLARED = re.compile(
    rb"""<\?xml[^>]{0,200}?\bencoding\s*=\s*["']([\w.:-]+)"""
    rb"""|<meta\b[^>]{0,400}?\bcharset\s*=\s*["']?\s*([\w.:-]+)""",
    re.IGNORECASE,
)
# Names that are text encodings: Python also knows codecs that are none, and slow ones.
_ENCODING = re.compile(
    r"(?:iso-?|windows-|cp-?|koi8|gb|big5|shift|euc|ks_c|mac|tis-|utf-?8)[\w:-]*\Z"
)
# What these names mean on the web is more than what they say.
_MEANT = {
    "iso-8859-1": "cp1252",
    "iso-8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "tis-620": "cp874",
}
_DEFINITION = re.compile(rb"<(/?)d[ltd]\b", re.IGNORECASE)
_DEPTH = 200


def tree(data: bytes) -> etree._Element | None:
    """The root element, or None where there is no markup or text at all.

    Elements that are nested too deeply for the parser (2,048) lose their tags and keep their text.
    Raises Malformed for bytes that are no text.
    """
    # Lone surrogates cannot be passed on; the declaration of another encoding does not matter.
    raw = decode(data, declared(data)).replace("\0", "").encode("utf-8", errors="replace")
    if not raw.strip():
        return None
    # HTML has no entities that grow, so the limit of memory is enough for pages of any size.
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, huge_tree=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError:  # nothing that would make an element
        return None
    if any("depth" in entry.message for entry in parser.error_log.filter_from_fatals()):
        shallow = etree.HTMLParser(
            target=_Shallow(), encoding="utf-8", no_network=True, huge_tree=True
        )
        # For these the parser would search through all that is open, again and again.
        return etree.fromstring(_DEFINITION.sub(rb"<\1div", raw), shallow)
    return root


def declared(data: bytes) -> str:
    """The encoding that the first bytes name, or an empty text."""
    found = _DECLARED.search(data[:4096])
    if not found:
        return ""
    name = (found[1] or found[2]).decode("ascii").lower()
    return _MEANT.get(name, name) if _ENCODING.match(name) else ""


class _Shallow:
    """Builds a tree in which elements below a depth limit have lost their tags."""

    def __init__(self) -> None:
        self._tree = etree.TreeBuilder()
        self._open = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._open += 1
        if self._open <= _DEPTH:
            self._tree.start(tag, dict(attributes))

    def end(self, tag: str) -> None:
        if self._open <= _DEPTH:
            self._tree.end(tag)
        self._open -= 1

    def data(self, text: str) -> None:
        self._tree.data(text)

    def close(self) -> etree._Element:
        return self._tree.close()
