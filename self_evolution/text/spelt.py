"""Numbers in words, read as a person reads them: "six hundred and five" is 605, 三万 is 30000.

`numerals` is for texts that are changed alike; here each number must be the one that is meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from self_evolution.text.numerals import with_digits

_ONE = "one|two|three|four|five|six|seven|eight|nine"
_TEEN = "zero|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TEN = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_LARGE = {"thousand": 10**3, "million": 10**6, "billion": 10**9}

_SMALL = rf"(?:(?:{_TEN})(?:[- ](?:{_ONE}))?|{_TEEN}|{_ONE})"
_BELOW = rf"(?:(?:{_SMALL}|a) hundred(?:(?: and)?[- ]{_SMALL})?|{_SMALL})"
_ENGLISH = re.compile(
    rf"\b(?:{_BELOW}|a(?= (?:{'|'.join(_LARGE)})))"
    rf"(?: (?:{'|'.join(_LARGE)})\b(?:(?:,| and)? {_BELOW})?)*(?: point(?: (?:zero|{_ONE}))+)?\b",
    re.IGNORECASE,
)

_DIGITS, _SCALES = "〇零一二两三四五六七八九", "十百千万亿"
# 千 in 千克 belongs to the unit; 百 in 百分之 is no number by itself.
_CHINESE = re.compile(
    rf"(?<![\d{_DIGITS}{_SCALES}])(?![百千万亿])"
    rf"(?:(?!千[克米瓦伏])[{_DIGITS}{_SCALES}]){{1,24}}(?:点[{_DIGITS}]{{1,24}})?"
)


# What a number in words has in it, at the least.
_HINT = re.compile(
    f"[{_DIGITS}{_SCALES}]|zer|two|thr|thi|fo|fi|si|sev|eig|nin|ten|ele|twe|hund|thou|mil|bil"
)


def in_digits(text: str) -> str:
    """`text` with its numbers in words as digits, except a single character of one.

    That is more often a pronoun or part of a word (一个) than a number.
    """
    if not _HINT.search(text.lower()):
        return text
    return _CHINESE.sub(_put(_chinese), _ENGLISH.sub(_put(_english), text))


def _put(read: Callable[[str], str]) -> Callable[[re.Match[str]], str]:
    def put(found: re.Match[str]) -> str:
        number = read(found[0])
        return found[0] if number == "1" else number

    return put


def _english(text: str) -> str:
    whole, _, part = text.lower().partition(" point ")
    total = below = 0
    for word in re.findall("[a-z]+", whole):
        if word in _LARGE:
            total, below = total + below * _LARGE[word], 0
        elif word == "hundred":
            below *= 100
        elif word != "and":
            below += 1 if word == "a" else int(with_digits(word))
    decimals = "".join(with_digits(word) for word in part.split())
    return f"{total + below}.{decimals}" if decimals else str(total + below)


def _chinese(text: str) -> str:
    whole, _, part = text.partition("点")
    total, rest = 0, whole
    for scale, size in (("亿", 10**8), ("万", 10**4)):
        head, found, tail = rest.rpartition(scale)
        if found:
            total, rest = total + int(_chinese(head) if head else 1) * size, tail
    number = str(total + int(with_digits(rest) or 0)) if rest != whole else with_digits(whole)
    decimals = "".join(with_digits(char) for char in part)
    return f"{number}.{decimals}" if decimals else number
