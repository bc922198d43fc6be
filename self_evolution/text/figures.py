"""Numbers in figures, and the one form of each that comparisons use.

"10,000", "10 000", "10'000", "1e4" and "10 × 10³" are all 10000, "½" and "1/2" are 0.5. Where the
language decides ("10.000", "3,5"), the words around a number tell which it is.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import NamedTuple

from self_evolution.text.characters import EXPONENT, VULGAR, on_the_line
from self_evolution.text.decimal_mark import decimal_comma
from self_evolution.text.measures import measure_at
from self_evolution.text.script import has_cjk


class Number(NamedTuple):
    """The compared form of a number, and where it ends in the text."""

    key: str
    end: int


_SIGN = re.compile(rf"(?<![A-Za-z0-9{VULGAR}_.)\]+-])[-+](?=\.?[0-9{VULGAR}])")
# No-break, figure, thin and narrow spaces hold figures together; a plain one may be between two.
_GROUPED = re.compile(
    r"(?<![A-Za-z0-9_,.])(?P<head>[1-9][0-9]{0,2})(?P<by>[.,'’ʼ \u00a0\u2007\u2009\u202f])"
    r"(?P<tail>[0-9]{3}(?:(?P=by)[0-9]{3})*+)(?![0-9])"
    r"(?:(?!(?P=by))[.,](?P<part>[0-9]+))?(?![.,'’][0-9])"
)
_DECIMAL = re.compile(
    r"(?P<whole>0|[1-9][0-9]*|(?<![A-Za-z0-9_.)\]])(?=\.))"
    r"(?:(?P<mark>[.,])(?P<part>[0-9]+))?(?![0-9])"
)
_LISTED_BEFORE, _LISTED_BEHIND = re.compile("(?<=[0-9],)"), re.compile("[.,][0-9]")
_RAISED = (
    r"(?:(?:\^|\*\*)[ ]?[{(]?(?P<power>[-+–]?[0-9]{1,3})[})]?(?![0-9])"
    rf"|(?P<raised>{EXPONENT}))"
)
_TO_THE_POWER = re.compile(_RAISED)
_TIMES_TEN = re.compile(
    rf"[ ]?[×x*·][ ]?10{_RAISED}|[eE](?P<e>[-+]?[0-9]{{1,3}})(?![A-Za-z0-9_]|\.\w)"
)
_VULGAR = re.compile(f"[{VULGAR}]")
_FRACTION = re.compile(
    rf"(?:[ ]?(?P<one>[{VULGAR}])|/(?P<under>[0-9]{{1,2}})"
    r"|[ ](?P<over>[0-9]{1,2})/(?P<below>[0-9]{1,2}))(?![0-9/]|\.[0-9])"
)
# What a unit is divided into; other figures around a stroke are dates, ports or ratios.
_USUAL = frozenset((2, 3, 4, 5, 6, 8, 10))
_MONEY = tuple("$£€")


def number_at(text: str, start: int, about: str = "") -> Number | None:
    """The number in figures that begins at `start` of a plain text; None if there is none.

    `about` is a text whose language counts where that of `text` cannot be told.
    """
    signed = _SIGN.match(text, start) if text[start] in "+-" else None
    found = _unsigned(text, signed.end() if signed else start, about)
    if found and signed and signed[0] == "-" and found.key != "0":
        return found._replace(key=f"-{found.key}")
    return found


def _unsigned(text: str, start: int, about: str) -> Number | None:
    if _VULGAR.match(text, start):
        return Number(_fraction(0, *_vulgar(text[start])), start + 1)
    found = _grouped(text, start, about) or _decimal(text, start, about)
    return found and (_with_fraction(text, found) or _with_power(text, found) or found)


def _grouped(text: str, start: int, about: str) -> Number | None:
    found = _GROUPED.match(text, start)
    if found is None:
        return None
    head, by, tail, part = found.group("head", "by", "tail", "part")
    groups, end = tail.split(by), found.end()
    if by == " ":
        if text[end : end + 1] == " " and text[end + 1 : end + 2].isdigit():
            return None  # a row of figures
        # 400 404 may be two codes; 250 000 and 101 325 Pa are one number each.
        if len(head) == 3 and "000" not in groups and not measure_at(text, end):
            return None
    elif by in ".," and len(groups) == 1 and not part:
        if (by == ",") == decimal_comma(text, about) and not _is_money(text, start, end):
            return Number(shifted(f"{head}.{tail}"), end)
    elif by == "." and len(groups) == 3 and "000" not in groups:
        return None  # 192.168.100.200 is an address
    return Number(shifted(f"{head}{''.join(groups)}.{part or ''}"), end)


def _decimal(text: str, start: int, about: str) -> Number | None:
    found = _DECIMAL.match(text, start)
    if found is None or found.end() == start:
        return None
    whole, mark, part = found.group("whole", "mark", "part")
    if mark == "," and not _is_decimal(text, found, about):
        return Number(whole, found.end("whole"))
    return Number(shifted(f"{whole}.{part or ''}"), found.end())


def _is_decimal(text: str, found: re.Match[str], about: str) -> bool:
    """Whether a comma is that of a decimal fraction, and does not stand between two numbers."""
    start, end = found.span()
    if _LISTED_BEFORE.match(text, start) or _LISTED_BEHIND.match(text, end):
        return False  # 1,2,3
    if decimal_comma(text, about):
        return True
    alone = text[max(start - 1, 0) : start] in ("", " ")
    if found["whole"] == "0" and alone and not has_cjk(text):
        return True
    money = _is_money(text, start, end)
    return len(found["part"]) < 3 and (money or measure_at(text, end) is not None)


def _is_money(text: str, start: int, end: int) -> bool:
    """Whether the figures are a price, which never has three decimals."""
    return (
        text[max(start - 2, 0) : start].strip()[-1:] in _MONEY
        or text[end : end + 2].strip()[:1] in _MONEY
    )


def _with_fraction(text: str, whole: Number) -> Number | None:
    """The number together with the fraction behind it: 1½, 1 1/2; or 1/2 as a whole."""
    found = _FRACTION.match(text, whole.end)
    if found is None or not whole.key.isdigit():
        return None
    ones = int(whole.key)
    if found["one"]:
        return Number(_fraction(ones, *_vulgar(found["one"])), found.end())
    if found["under"]:
        ones, over, under, usual = 0, ones, int(found["under"]), _USUAL
    else:
        over, under, usual = int(found["over"]), int(found["below"]), _USUAL | {16, 32, 64}
    if not 0 < over < under or under not in usual or math.gcd(over, under) > 1:
        return None
    return Number(_fraction(ones, over, under), found.end())


def _vulgar(char: str) -> tuple[int, int]:
    over, under = unicodedata.normalize("NFKC", char).split("⁄")
    return int(over), int(under)


def _fraction(whole: int, over: int, under: int) -> str:
    """A mixed number as a decimal, 1.5, or as a fraction, 4/3, if its decimals have no end."""
    over += whole * under
    scaled, rest = divmod(over * 10**6, under)
    return f"{over}/{under}" if rest else shifted(str(scaled), -6)


def _with_power(text: str, base: Number) -> Number | None:
    """The number with its power: 1.5 × 10³, 1.5e3, 10^-6, 2^10; None if it has none."""
    if found := _TIMES_TEN.match(text, base.end):
        return Number(shifted(base.key, _exponent(found, found["e"])), found.end())
    found = _TO_THE_POWER.match(text, base.end)
    if found is None:
        return None
    power = _exponent(found)
    key = shifted("1", power) if base.key == "10" else f"{base.key}^{power}"
    return Number(key, found.end())


def _exponent(found: re.Match[str], e: str | None = None) -> int:
    return int((e or found["power"] or on_the_line(found["raised"])).replace("–", "-"))


def shifted(figures: str, exponent: int = 0) -> str:
    """`figures` times 10 to the power of `exponent`, in one form: 010.50 gives 10.5.

    By text, because a float would round long numbers.
    """
    whole, _, part = figures.partition(".")
    point = len(whole) + exponent
    digits = whole + part
    if point < 0:
        digits, point = "0" * -point + digits, 0
    digits = digits.ljust(point, "0")
    whole, part = digits[:point].lstrip("0") or "0", digits[point:].rstrip("0")
    return f"{whole}.{part}" if part else whole
