"""Decoding of bytes into text, in any encoding."""

from __future__ import annotations

import codecs
import re

from self_evolution.documents.readers.base import Malformed
from self_evolution.documents.readers.charsets import guess

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# No text has these controls. Printers and terminals do write backspaces and escapes.
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\n\r\b\x0b\x0c\x1b"))
_LEADS = bytes(range(0xC2, 0xF5))  # bytes that begin a character of several bytes in UTF-8
_MOST_CONTROLS = 0.005
_SHIFT = re.compile(rb"\x1b\$[@B]|\x1b\(J")  # from ASCII to Japanese in ISO-2022-JP
# A text is often in the larger encoding that extends the one it declares.
_LARGER = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "tis-620": "cp874",
    "iso8859-11": "cp874",
}
_USUAL = re.compile(
    "[\t\n\r\x20-\x7e\u00a0-\u024f\u0370-\u052f\u0590-\u06ff\u0900-\u0dff\u0e01-\u0e5b\u2010-\u203b"
    "\u3000-\u30ff\u4e00-\u9fa5\uac00-\ud7a3\uff01-\uff5e]+"
)
# Python has codecs for other things than text under such names too.
_TEXT = re.compile(r"cp\d|iso8859|koi8|mac|gb|big5|euc|shift_jis|johab|utf|hz|iso2022|tis|ptcp|kz")


def decode(data: bytes, declared: str = "") -> str:
    """Decode `data` by its byte order mark, as UTF-8, as declared, or as detected.

    A few broken bytes in a text that is otherwise UTF-8 become U+FFFD. Raises Malformed if no
    encoding gives a text.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _checked(data.decode(name, errors="replace"))
    if wide := _without_mark(data):
        return _checked(data.decode(wide, errors="replace"))
    if len(data) - len(data.translate(None, _CONTROLS)) > _MOST_CONTROLS * len(data):
        raise Malformed("binary data, not text")
    if b"\x1b" in data and _SHIFT.search(data):
        return data.decode("iso2022_jp_2", errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = error.start
    if (text := _mostly_utf8(data)) or (text := _as_declared(data, declared)):
        return text
    name = guess(data)
    if not name:
        raise Malformed(f"neither UTF-8 (byte {place}) nor text in any other encoding that we know")
    return data.decode(name, errors="replace")


def _checked(text: str) -> str:
    """Return `text`, unless it shows that the bytes are not text."""
    bad = text.count("\ufffd") + sum(map(text.count, map(chr, _CONTROLS)))
    if bad > 0.02 * len(text):
        raise Malformed("binary data, not text")
    return text


def _without_mark(data: bytes) -> str:
    """UTF-16 or UTF-32 by the zeros in it: Latin letters, digits, spaces and newlines have them."""
    sample = data[: 1 << 16]
    share = [sample[i::4].count(0) / max(1, len(sample[i::4])) for i in range(4)]
    if min(share[2:]) > 0.9 and share[0] < 0.5:
        return "utf-32-le"
    if min(share[:2]) > 0.9 and share[3] < 0.5:
        return "utf-32-be"
    even, odd = share[0] + share[2], share[1] + share[3]
    if max(even, odd) > 0.06 and min(even, odd) < 0.1 * max(even, odd):
        return "utf-16-le" if odd > even else "utf-16-be"
    if len(sample.translate(None, _CONTROLS)) < (1 - _MOST_CONTROLS) * len(sample) and not (
        len(data) % 2 or len(data) < 20
    ):
        return next((name for name in ("utf-16-le", "utf-16-be") if _fits(sample, name)), "")
    return ""


def _fits(sample: bytes, encoding: str) -> bool:
    """Whether nearly all characters are of the usual scripts; of random characters half would
    be."""
    text = sample.decode(encoding, errors="replace")
    return len(_USUAL.sub("", text)) < 0.03 * len(text)


def _mostly_utf8(data: bytes) -> str:
    """The text, if characters of several bytes are mostly whole; other encodings have few such."""
    text = data.decode("utf-8", errors="replace")
    broken = text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
    whole = len(data) - len(data.translate(None, _LEADS)) - broken
    rare = 1000 * broken <= len(data) and whole >= broken
    cut_off = broken == 1 and text.endswith("\ufffd") and whole > 1
    return text if rare or cut_off or whole >= 10 * broken else ""


def _as_declared(data: bytes, declared: str) -> str:
    """The text as declared, or empty: a wrong declaration is common, and the bytes then decide."""
    try:
        name = codecs.lookup(declared).name
        return data.decode(_LARGER.get(name, name)) if _TEXT.match(name) or name == "ascii" else ""
    except (LookupError, ValueError):  # unknown, with a zero in it, or not what it says
        return ""
