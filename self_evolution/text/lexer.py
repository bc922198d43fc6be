"""Text as a sequence of comparable tokens: numbers, units, words and codes, CJK characters.

Two texts say the same value if the keys of their tokens are equal: "10,000 ms" and
"10000毫秒" are both 10000, ms.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from self_evolution.text.script import CJK, plain_width
from self_evolution.text.units import cjk_unit, unit


class Token(NamedTuple):
    """`kind` is number, unit, word, cjk or sign; `key` is compared; the span is in the text.

    The unit that a range states once ("1-60 s") stands again after its first number, with the
    empty span (-1, -1).
    """

    kind: str
    key: str
    text: str
    start: int
    end: int


_LETTER = rf"[^\W{CJK}①-⑳]"
_PLAIN_NUMBER = r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|\.[0-9]+)"
_NUMBER = re.compile(_PLAIN_NUMBER)
_MEASURE = re.compile(rf"({_PLAIN_NUMBER})(-?)([^\W\d_]+(?:/[^\W\d_]+)?)")
_RANGE = re.compile(r"((?:0|[1-9][0-9]*)(?:\.[0-9]+)?)-((?:0|[1-9][0-9]*)(?:\.[0-9]+)?)([^\W\d_]*)")

# A chunk is what spaces and punctuation leave whole: KX-48, /etc/hosts, 10.0.0.1, v2.3, end-user.
# A dot before a capital joins only initials (U.S), so that "48 ms.The" is two words.
_CHUNK = re.compile(
    rf"""
    (?: (?<![A-Za-z0-9_.)\]+-]) (?: [-+]?\.(?=[0-9]) | [-+](?=[0-9]) ) | /(?=[A-Za-z_.]{_LETTER}) )?
    {_LETTER}+
    (?: (?: [-/\\@](?={_LETTER}) | \.(?=[a-z0-9_]) | (?<=[A-Z])\.(?=[A-Z](?![a-z])) ) {_LETTER}+ )*
    """,
    re.VERBOSE,
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]*[A-Za-z0-9/_=]")
_COLONS = re.compile(
    r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?![\w:])|[0-9A-Fa-f]{2,4}(?::[0-9A-Fa-f]{2,4}){2,}"
)
_GROUPED = re.compile(
    r"(?<![A-Za-z0-9_,.])[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9]|,[0-9])"
)
_SYMBOL = re.compile(r"[%‰Ω]|°[CFcf]?(?![A-Za-z])")
_CJK_CHARACTER = re.compile(f"[{CJK}]")
_GAP = re.compile(r"[ \t]{0,2}")
# Marks that set a text off without saying anything: **48** ms is 48 ms.
_DECORATION = frozenset("*`\"'“”‘’「」『』【】《》()（）[]{}")
_RANGE_SIGNS = frozenset({"-", "~", "～", "–", "—", "to", "到", "至"})
_PAIR_SIGNS = _RANGE_SIGNS | {"and", "和", "与"}

_LIST_MARKER = re.compile(
    r"""^[ \t>\#*_-]*
    (?: (?: [(（]?[0-9]{1,2} (?: [)）、] | \.(?![0-9]) ) | [①-⑳] ) [*_]*
      | (?: 第[0-9]{1,2}步 | 步骤[ ]?[0-9]{1,2} | [Ss]tep[ ][0-9]{1,2} ) [:：.、,，]
    ) [ \t]*(?=\S)""",
    re.VERBOSE | re.MULTILINE,
)


@lru_cache(maxsize=64)
def plain(text: str) -> str:
    """`text` in plain width, without the list markers at its line starts."""
    return _LIST_MARKER.sub("", plain_width(text))


def _number_key(text: str) -> str:
    """+10,000.50 gives 10000.5, .5 gives 0.5: by text, as a float would round long numbers."""
    sign = "-" if text.startswith("-") else ""
    digits = text.lstrip("+-").replace(",", "")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    digits = digits.lstrip("0") or "0"
    digits = f"0{digits}" if digits.startswith(".") else digits
    return digits if digits == "0" else sign + digits


def _number(text: str, start: int) -> Token:
    return Token("number", _number_key(text), text, start, start + len(text))


def _word(text: str, start: int) -> Token:
    return Token("word", unit(text) or text.casefold(), text, start, start + len(text))


def _unit(text: str, start: int) -> Token:
    return Token("unit", unit(text) or text, text, start, start + len(text))


def _chunk_tokens(chunk: str, start: int) -> list[Token]:
    if _NUMBER.fullmatch(chunk):
        return [_number(chunk, start)]
    measure = _MEASURE.fullmatch(chunk)
    # "30-second" is a measure, "12-A" the name of something.
    if measure and unit(measure[3]) and not (measure[2] and len(measure[3]) == 1):
        return [_number(measure[1], start), _unit(measure[3], start + measure.start(3))]
    span = _RANGE.fullmatch(chunk)
    if span and (not span[3] or unit(span[3])):
        ends = [_number(span[1], start), _number(span[2], start + span.start(2))]
        sign = Token("sign", "-", "-", start + span.end(1), start + span.start(2))
        last = [_unit(span[3], start + span.start(3))] if span[3] else []
        return [ends[0], sign, ends[1], *last]
    return [_word(chunk, start)]


def _unit_after(text: str, start: int) -> Token | None:
    gap = _GAP.match(text, start)
    start = gap.end() if gap else start
    if symbol := _SYMBOL.match(text, start):
        return _unit(symbol[0], start)
    if chinese := cjk_unit(text, start):
        return _unit(chinese, start)
    chunk = _CHUNK.match(text, start)
    return _unit(chunk[0], start) if chunk and unit(chunk[0]) else None


def _tokens_at(text: str, start: int) -> list[Token]:
    if _CJK_CHARACTER.match(text, start):
        return [Token("cjk", text[start], text[start], start, start + 1)]
    for pattern in (_URL, _COLONS):
        if match := pattern.match(text, start):
            return [_word(match[0], start)]
    if match := _GROUPED.match(text, start):
        return [_number(match[0], start)]
    if match := _CHUNK.match(text, start):
        return _chunk_tokens(match[0], start)
    return [Token("sign", text[start], text[start], start, start + 1)]


def _scan(text: str) -> list[Token]:
    tokens: list[Token] = []
    place = 0
    while place < len(text):
        if text[place].isspace() or text[place] in _DECORATION:
            place += 1
            continue
        tokens += _tokens_at(text, place)
        place = tokens[-1].end
        if tokens[-1].kind == "number" and (following := _unit_after(text, place)):
            tokens.append(following)
            place = following.end
    return tokens


def _mend_ranges(tokens: list[Token]) -> list[Token]:
    """One sign for every way to write a range, and its unit after both of its numbers."""
    mended: list[Token] = []
    for index, token in enumerate(tokens):
        before, after = tokens[index - 1 : index], tokens[index + 1 : index + 3]
        if token.key in _PAIR_SIGNS and before and after and after[0].kind == "number":
            if before[0].kind == "number" and after[-1].kind == "unit":
                mended.append(after[-1]._replace(start=-1, end=-1))
            if before[0].kind in ("number", "unit") and token.key in _RANGE_SIGNS:
                token = token._replace(kind="sign", key="~")
        mended.append(token)
    return mended


@lru_cache(maxsize=64)
def lex(text: str) -> tuple[Token, ...]:
    """The tokens of `text` in order; spans refer to `plain(text)`, which callers pass."""
    return tuple(_mend_ranges(_scan(text)))


@lru_cache(maxsize=64)
def keys(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the forms of `lex(text)` to compare: with units shared out over ranges, and
    without."""
    tokens = lex(text)
    written = tuple(token.key for token in tokens if token.start >= 0)
    return tuple(token.key for token in tokens), written
