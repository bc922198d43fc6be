"""The words behind a number: one that multiplies it ("million"), and its unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import NamedTuple

from self_evolution.text.characters import EXPONENT, RAISED
from self_evolution.text.script import CJK
from self_evolution.text.units import names, per, unit


class Measure(NamedTuple):
    """A power of ten, the compared form of a unit ("" for none), and where they end."""

    scale: int
    unit: str
    end: int


# A space, or a mark of emphasis: **48** ms is 48 ms.
_GAP = r"[ \t*_`\u00a0\u2000-\u200a\u202f]{0,4}"
_LETTER = "[A-Za-zÀ-ÖØ-öø-ÿŒœΩμℓł]"
_ATOM = (
    rf"(?:{_LETTER}+|[%‰′″]|°(?:[ ]?[CFcf](?!{_LETTER}))?|[$¢£¥฿₠-₿])"
    rf"(?:\^[({{]?[-+]?[0-9][)}}]?|\*\*-?[0-9]|{EXPONENT}|[23](?![0-9A-Za-z]))?"
)
_TIMES = rf"(?:[·*]|[ ]?/[ ]?\(?|(?<=[{RAISED}]))(?={_LETTER})"
# Forms that hold a sign inside.
_ODD = r"dB\(A\)|[ap]\.m\.|[A-Z]{1,3}\$"
_PRODUCT = rf"(?:{_ODD}|{_ATOM}(?:{_TIMES}{_ATOM}\)?)*)"
_FIRST = re.compile(rf"{_GAP}((?:1/)?{_PRODUCT})")
_NEXT = rf"\.?[ \u00a0-](?:d['’]|de[ ])?{_PRODUCT}"
_WHOLE = re.compile(rf"{_GAP}({_PRODUCT}(?:{_NEXT}){{1,4}})")
# Words that go on a unit, whichever it is.
_GOES_ON = re.compile(
    rf"\.?[ \u00a0-](?:(?:per|pro|je|par|carrés?|cubes?|squared|cubed)(?!{_LETTER})"
    rf"|{_LETTER}{{1,3}}(?:\^|\*\*|{EXPONENT}))"
)
_BY = re.compile(rf"[ \u00a0](?:per|pro|je|par)[ \u00a0]({_LETTER}+)")
_SEPARATOR = re.compile(r"\.?[ \u00a0/-]")
_CUT = re.compile(rf"{_SEPARATOR.pattern}|(?<=[{RAISED}])(?=[^{RAISED}])")
_SCALED = re.compile(rf"({_LETTER}+)\.?[ \u00a0-](?:d['’]|de[ ])?")
_CHINESE = re.compile(rf"[ ]?[{CJK}]{{1,9}}(?:/[{CJK}]{{1,4}})?")
# Short for a unit of time where something is counted by it.
_SHORT_TIMES = MappingProxyType({"分": "min", "时": "h", "日": "d", "月": "month"})
_NO_FURTHER: Mapping[str, str] = MappingProxyType({})
# Some units also begin common words (天线, an antenna; 升级, an upgrade): before these characters
# they are none.
_NO_UNIT_BEFORE = {
    "天": "线", "升": "级序降", "米": "粒", "克": "隆服", "周": "期边", "伏": "特安",
    "元": "素件器组数", "度": "假数", "转": "换发移成为化动入到", "欧": "洲盟",
}  # fmt: skip


def counted_by(text: str, start: int) -> Measure | None:
    """The unit by which something without one is counted, at `start`: "60 per minute"."""
    found = _BY.match(text, start)
    key = found and unit(found[1])
    return Measure(0, key, found.end()) if found and key else None


def measure_at(text: str, start: int) -> Measure | None:
    """The unit in a plain text at `start`, behind a number; None if there is none."""
    found = _FIRST.match(text, start)
    if found is None:
        return _chinese(text, start)
    word = found[1]
    scale, key, length, goes_on = _first(word)
    end = found.start(1) + length
    if goes_on or (key and text[end : end + 1] in _JOINTS and _GOES_ON.match(text, end)):
        whole = _WHOLE.match(text, start)
        longer = whole and _longest(whole[1])
        if whole and longer:
            return longer._replace(end=whole.start(1) + longer.end)
    if word == "To" and found.start(1) > start and text[end + 1 : end + 2].isdigit():
        return None  # "10 To 20" in a title is no terabyte
    return Measure(scale, key, end) if key or scale else None


_JOINTS = tuple(" .-\u00a0")


@lru_cache(maxsize=8192)
def _first(text: str) -> tuple[int, str, int, bool]:
    """Power of ten, unit and length of the first word behind a number, and whether it goes on."""
    word = text.casefold()
    goes_on = word in _beginnings()
    if scale := names().tens.get(word):
        return scale, "", len(text), goes_on
    for end in _ends(text):
        if key := unit(text[:end]):
            return 0, key, end, goes_on
    return 0, "", 0, goes_on


@cache
def _beginnings() -> frozenset[str]:
    """First words of forms of several: degrees (Celsius), square (metres), million (euros)."""
    known = names()
    several = [form for form in (*known.exact, *known.words) if _SEPARATOR.search(form)]
    first = (_SEPARATOR.split(form.casefold())[0] for form in several)
    return frozenset((*first, *known.before, *known.tens)) - {""}


def _longest(text: str) -> Measure | None:
    """The longest unit that `text` begins with; its end is counted from there."""
    scale = start = 0
    if (first := _SCALED.match(text)) and (scale := names().tens.get(first[1].casefold(), 0)):
        start = first.end()
    for end in _ends(text):
        if end > start and (key := unit(text[start:end])):
            return Measure(scale, key, end)
    return None


def _ends(text: str) -> list[int]:
    """The lengths to which `text` may be cut, the longest first."""
    return [*(match.start() for match in _CUT.finditer(text)), len(text)][::-1]


def _chinese(text: str, start: int) -> Measure | None:
    found = _CHINESE.match(text, start)
    if found is None:
        return None
    characters = found[0].lstrip()
    scale = 0
    key, length = _chinese_unit(characters)
    for word in (characters[:2], characters[:1]):
        if not key and (scale := names().tens.get(word, 0)):
            key, length = _chinese_unit(characters[len(word) :])
            length += len(word)
            break
    if not key and not scale:
        return None
    if key and characters[length : length + 1] in ("/", "每"):
        counted, size = _chinese_unit(characters[length + 1 :], _SHORT_TIMES)
        if counted:
            key, length = per(key, counted), length + 1 + size
    return Measure(scale, key, found.end() - len(characters) + length)


def _chinese_unit(text: str, further: Mapping[str, str] = _NO_FURTHER) -> tuple[str, int]:
    """The longest unit that `text` begins with, and its length; "" and 0 without any."""
    words = names().words
    for size in range(min(len(text), 7), 0, -1):
        form = text[:size]
        key = words.get(form) or further.get(form)
        if key is None and form[:2] in names().before:
            key = unit(form)
        if key:
            begins_a_word = text[size : size + 1] in tuple(_NO_UNIT_BEFORE.get(form, ""))
            return ("", 0) if begins_a_word else (key, size)
    return "", 0
