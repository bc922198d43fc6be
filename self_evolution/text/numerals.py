"""Numerals in words as digits: "forty-eight" and "四十八" become 48."""

from __future__ import annotations

import re

_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen
twenty thirty forty fifty sixty seventy eighty ninety"""
_UNITS, _TENS = _WORDS.split()[:20], _WORDS.split()[20:]
_SMALL = {word: i for i, word in enumerate(_UNITS)} | {
    word: 10 * i for i, word in enumerate(_TENS, start=2)
}
_ENGLISH = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[- ]({'|'.join(_UNITS[1:10])}))?|({'|'.join(_UNITS)}))\b",
    re.IGNORECASE,
)
_DIGITS = {char: i for i, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_SCALES = {"十": 10, "百": 100, "千": 1000}
# 百 in 百分之五 is no number by itself.
_CHINESE = re.compile(
    f"(?![百千]分之)[{''.join(_DIGITS)}{''.join(_SCALES)}]+(?:点[{''.join(_DIGITS)}]+)?"
)


def with_digits(text: str) -> str:
    """`text` with English numerals below 100 and Chinese ones below 10,000 in digits.

    Digit by digit where there is no 十, 百 or 千 (二零二四 is 2024). Made to compare texts: words
    that only look like numerals (一般) are changed too, alike in both.
    """
    text = _ENGLISH.sub(_english, text)
    return _CHINESE.sub(lambda found: _chinese(found[0]), text)


def _english(found: re.Match[str]) -> str:
    ten, unit, small = (part and part.lower() for part in found.groups())
    return str(_SMALL[small] if small else _SMALL[ten] + _SMALL.get(unit, 0))


def _chinese(text: str) -> str:
    whole, _, part = text.partition("点")
    digits = "".join(str(_DIGITS[char]) for char in part)
    if not any(char in _SCALES for char in whole):
        number = "".join(str(_DIGITS[char]) for char in whole)
    else:
        number = str(_scaled(whole))
    return f"{number}.{digits}" if digits else number


def _scaled(text: str) -> int:
    total, digit = 0, None
    for char in text:
        if char in _SCALES:
            total += _SCALES[char] * (1 if digit is None else digit)
            digit = None
        else:
            digit = _DIGITS[char]
    return total + (digit or 0)
