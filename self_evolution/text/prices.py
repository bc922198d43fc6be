"""Prices with a letter that multiplies them: €1.5M, $2.5k, 3B USD, and both ends of $1.5–2M."""

from __future__ import annotations

import re
from typing import NamedTuple

from self_evolution.text.figures import shifted
from self_evolution.text.measures import measure_at
from self_evolution.text.phrases import before, between
from self_evolution.text.token import Token
from self_evolution.text.units import currencies

_LETTER = re.compile(r"[KkMmBb](?![A-Za-z0-9_])")
_WORDS = {"k": "thousand", "m": "million", "b": "billion"}
_TENS = {"k": 3, "m": 6, "b": 9}
_TO = re.compile(r"[ ]?(?:[-~～–—]|to|bis|à|至|到)[ ]?")
_DASH = re.compile(r"[ ]?[-~～–—][ ]?")
_CLOSE = re.compile(r"[-~～–—至到]")
_AND = re.compile(r"[ ]?(?:and|und|et|和|与)[ ]?")
_CLAUSE_ENDS = re.compile(r"[.,;:!?)](?![0-9])|[。，；：！？）]|\Z")


class Letter(NamedTuple):
    """The letter behind the figures of a price: its power of ten, its word, and its end."""

    power: int
    word: str
    end: int


def letter_at(text: str, start: int, end: int, past: list[Token]) -> Letter | None:
    """The letter at `end`, behind the figures from `start`; None if it does not multiply a price.

    A currency stands before the figures, or behind the letter, or before the first price of a range
    that these figures end. In "a 5m €10 cable" and "3M $20 tape" the sign belongs to the next
    number, and m is the metre. In "$5 to 10k people" and "€3 – 5m long" the last number is no
    price.
    """
    letter = _letter(text, end)
    if letter is None:
        return None
    phrase = before(text, start)
    if phrase and phrase.meaning in currencies():
        return letter
    if past and past[-1].unit in currencies() and _joined(text, past[-1], start):
        close = text[end] != "m" and _CLOSE.fullmatch(text, past[-1].end, start)
        return letter if close or _CLAUSE_ENDS.match(text, letter.end) else None
    measure = measure_at(text, letter.end)
    if text[end] == "m" or not measure or measure.unit not in currencies():
        return None
    return None if text[measure.end : measure.end + 1].isdigit() else letter


def _letter(text: str, place: int) -> Letter | None:
    found = _LETTER.match(text, place)
    if found is None:
        return None
    name = found[0].lower()
    return Letter(_TENS[name], _WORDS[name], found.end())


def _joined(text: str, first: Token, start: int) -> bool:
    """Whether a range begins with the number `first` and ends with the one at `start`."""
    gap = text[first.end : min(start, first.end + 9)]
    if _AND.fullmatch(gap):
        return between(text, first.start)
    return _TO.fullmatch(gap) is not None


def with_letter(text: str, one: Token, other: Token) -> Token:
    """The first number of a range of prices, with the letter that stands only behind the `other`:
    $1.5–2M. The first price of "$500-2M" is 500, because a range ends higher than it begins. In
    "Phase 1 – $2M" and "from $1 to $5k" the letter is that of the last number alone."""
    letter = _letter(text, other.tail - 1)
    known = one.unit in ("", other.unit) or not other.unit
    if not letter or not known or not _joined(text, one, other.start):
        return one
    sign = before(text, other.head)
    if sign and not (one.unit and _DASH.fullmatch(text, one.end, other.start)):
        return one
    key = shifted(one.key, letter.power) if _is_plain(one.key) else ""
    if not key or not _rises(key, other.key):
        return one
    measure = measure_at(text, letter.end)
    behind = text[letter.end : measure.end] if measure and not one.unit else ""
    return one._replace(key=key, shared=f"{letter.word} {behind.strip()}".strip())


def with_currency(text: str, one: Token, other: Token) -> Token:
    """The last number of a range of prices, with the currency that stands only before the first:
    $5-10. In "He gave $5 to 10 people" and "$20 – 5 left" the second number is no price."""
    if one.unit not in currencies() or other.unit or one.tail < one.end:
        return other
    multiplied = bool(_letter(text, other.tail - 1)) or other.end > other.tail
    close = _CLOSE.fullmatch(text, one.end, other.start)
    sure = multiplied or close or _CLAUSE_ENDS.match(text, other.end)
    if not sure or not _joined(text, one, other.start):
        return other
    return other._replace(shared=one.unit) if multiplied or _rises(one.key, other.key) else other


def _rises(one: str, other: str) -> bool:
    return _is_plain(one) and _is_plain(other) and float(one) < float(other)


def _is_plain(key: str) -> bool:
    return key.replace(".", "", 1).isdigit()
