"""Values that belong together: the ends of a range, and the factors of a product."""

from __future__ import annotations

import re
from collections.abc import Iterator

from self_evolution.text.figures import shifted
from self_evolution.text.measures import measure_at
from self_evolution.text.moments import completed, last_day, month_at_end, months, with_year
from self_evolution.text.phrases import between
from self_evolution.text.prices import with_currency, with_letter
from self_evolution.text.token import Token
from self_evolution.text.units import currencies

RANGES = frozenset(("-", "~", "～", "–", "—", "to", "到", "至", "bis", "à", "...", "…"))
_DASHES = frozenset(("-", "~", "～", "–", "—"))
_PAIRS = RANGES | {"and", "和", "与", "und", "et"}
# Between two dates. An article stands before both of them.
_ARTICLES = {"to the": "the", "and the": "the", "und dem": "dem", "et le": "le"}
_UNTIL = RANGES | {"until", "through", "to the", "bis zum", "au"}
_DAYS = _PAIRS | _UNTIL | _ARTICLES.keys()
_BEHIND_A_DATE = _DAYS | {"、", "及"}
_GAP = 12  # characters, more than any of these words has
_ORDINAL = re.compile(r"([1-9][0-9]?)(?:st|nd|rd|th)")
_WITH_ZERO = re.compile("0[1-9]")
_LONGEST_NAME = 14  # characters, more than the name of a month and what stands around it
_PRODUCTS = frozenset(("×", "x", "*", "·", "乘", "乘以"))
_UP_TO = ("up to", "bis zu", "jusqu")


def mended(text: str, tokens: list[Token]) -> Iterator[Token]:
    """The tokens, ranges with their unit at both numbers, and 3 × 4 m as one."""
    last = tokens[0]
    for token in tokens[1:]:
        if token.start < last.end:
            continue  # the year of a range of dates
        gap = text[last.end : min(token.start, last.end + _GAP)].strip(" \t*_`").lower()
        product = gap in _PRODUCTS or (gap == "by" and token.unit)
        if product and token.kind == "number" and not token.bound and _may_multiply(last, gap):
            last = _product(last, token)
            continue
        if last.kind == "date" and gap in _BEHIND_A_DATE:
            token = _completed(text, last, token, gap)
        if last.kind == token.kind == "number":
            if not gap and text[token.start : token.head].lower().startswith(_UP_TO):
                token = token._replace(start=token.head, bound="")
                gap = "to"
            if gap in _PAIRS or (token.bound == "±" and not gap):
                last, token = _sharing(text, last, token, gap)
        gap = gap.removeprefix(". ")  # 5. bis 7. Mai
        if token.kind == "date" and gap in _DAYS:
            last = _dated(text, last, token, gap)
        yield last
        last = token
    yield last


def _completed(text: str, first: Token, last: Token, gap: str) -> Token:
    """Complete what follows the date `first` and one of _BEHIND_A_DATE with the month and the year
    of that date. `last` is returned as it is where it cannot be a date."""
    if last.kind == "date":
        ranged = gap in _UNTIL
        return last._replace(key=with_year(last.key, first.key)) if ranged else last
    written = text[first.start : first.end]
    sure = gap in _DASHES or (gap in _PAIRS and between(text, first.start))
    day = last_day(text, last.start, first.key, written, sure)
    return Token("date", day.key, last.start, day.end) if day else last


def _sharing(text: str, one: Token, other: Token, gap: str) -> tuple[Token, Token]:
    """The numbers of a range, each with what only the other one states."""
    if one.tail < one.end:
        return one, other
    shared = measure_at(text, other.tail) if other.tail < other.end else None
    if shared and not (shared.unit and one.unit in currencies() and one.unit != other.unit):
        written = text[other.tail : shared.end].strip(" -*_`")
        key = shifted(one.key, shared.scale) if shared.scale else one.key
        one = one._replace(key=key, unit="" if shared.unit else one.unit, shared=written)
    return with_letter(text, one, other), with_currency(text, one, other)


def _dated(text: str, first: Token, last: Token, gap: str) -> Token:
    """The first of two dates, with the month and the year of the last one."""
    if first.kind == "date":
        key = first.key
    elif (number := _day_or_month(text, first, last, gap)) == 0:
        return first
    elif text[last.end - 1] == "月":  # 1-3月
        key = f"-{number}-"
    else:
        name = month_at_end(text[max(first.start - _LONGEST_NAME, 0) : first.start].rstrip())
        key = f"-{months()[name] if name else ''}-{number}"
    return first._replace(kind="date", key=completed(key, last.key, gap in _UNTIL))


def _day_or_month(text: str, first: Token, last: Token, gap: str) -> int:
    """The day or the month that `first` may be, before the date `last`; 0 if it is none.

    In "He came 3rd, and 5 May" and "section 3 and the 5 May edition" the number is no day.
    """
    alone = (first.kind == "number" and not first.unit) or _WITH_ZERO.fullmatch(first.key)
    figures = first.key if alone else ""
    if ordinal := _ORDINAL.fullmatch(first.key):
        figures = ordinal[1] if _ORDINAL.match(text, last.start) else ""
    if not figures.isdigit() or len(figures) > 2:
        return 0
    if gap in _ARTICLES and not text.endswith(f"{_ARTICLES[gap]} ", 0, first.start):
        return 0
    months_only = text[last.end - 1] == "月"
    if months_only and (
        text[first.start - 1 : first.start] == "第" or text.startswith("龄", last.end)
    ):
        return 0  # the first three months, and an age
    number = int(figures)
    return number if 1 <= number <= (12 if months_only else 31) else 0


def _may_multiply(one: Token, sign: str) -> bool:
    """Whether a product may begin so: a number, or a code with a size as in M8 × 1.25."""
    return one.kind == "number" or (sign in "×x" and one.key[-1:].isdigit())


def _product(one: Token, other: Token) -> Token:
    """Two numbers as one product, alike for 3 × 4 m and 3 m × 4 m; or a code and its size."""
    if one.kind == "word":
        return one._replace(key=f"{one.key}x{other.key}", end=other.end)
    first = one.key if one.unit in ("", other.unit) else f"{one.key} {one.unit}"
    key = f"{first}×{other.key}"
    return one._replace(key=key, end=other.end, tail=other.tail, unit=other.unit)
