"""Values that belong together: the ends of a range, and the factors of a product."""

from __future__ import annotations

from collections.abc import Iterator

from self_evolution.text.figures import shifted
from self_evolution.text.measures import measure_at
from self_evolution.text.moments import completed, last_day, month_at_end, months, with_year
from self_evolution.text.token import Token

RANGES = frozenset(("-", "~", "～", "–", "—", "to", "到", "至", "bis", "à", "...", "…"))
_DASHES = frozenset(("-", "~", "～", "–", "—"))
_UNTIL = frozenset(("until", "through"))
_PAIRS = RANGES | {"and", "和", "与", "und", "et"}
_PRODUCTS = frozenset(("×", "x", "*", "·", "乘", "乘以"))
_UP_TO = ("up to", "bis zu", "jusqu")


def mended(text: str, tokens: list[Token]) -> Iterator[Token]:
    """The tokens, ranges with their unit at both numbers, and 3 × 4 m as one."""
    last = tokens[0]
    for token in tokens[1:]:
        if token.start < last.end:
            continue  # the year of a range of dates
        gap = text[last.end : min(token.start, last.end + 9)].strip(" \t*_`").lower()
        product = gap in _PRODUCTS or (gap == "by" and token.unit)
        if product and token.kind == "number" and not token.bound and _may_multiply(last, gap):
            last = _product(last, token)
            continue
        ranged = last.kind == "date" and gap in RANGES | _UNTIL
        if ranged and token.kind == "date":
            token = token._replace(key=with_year(token.key, last.key))
        elif ranged:
            written, dash = text[last.start : last.end], gap in _DASHES
            if day := last_day(text, token.start, last.key, written, dash):
                token = Token("date", day.key, token.start, day.end)
        if last.kind == token.kind == "number":
            if not gap and text[token.start : token.head].lower().startswith(_UP_TO):
                token = token._replace(start=token.head, bound="")
                gap = "to"
            paired = gap in _PAIRS or (token.bound == "±" and not gap)
            bare = last.tail == last.end and token.tail < token.end
            if paired and bare and (shared := measure_at(text, token.tail)):
                written = text[token.tail : shared.end].strip(" -*_`")
                key = shifted(last.key, shared.scale) if shared.scale else last.key
                last = last._replace(key=key, unit="", shared=written)
        gap = gap.removeprefix(". ")  # 5. bis 7. Mai
        if token.kind == "date" and gap in _PAIRS | _UNTIL:
            last = _dated(text, last, token, gap in RANGES | _UNTIL)
        yield last
        last = token
    yield last


def _dated(text: str, first: Token, last: Token, ranged: bool) -> Token:
    """The first of two dates, with the month and the year of the last one."""
    day = first.kind == "number" and not first.unit and first.key.isdigit() and len(first.key) < 3
    if not day and first.kind != "date":
        return first
    name = month_at_end(text[: first.start].rstrip()) if day else ""
    key = f"-{months()[name] if name else ''}-{first.key}" if day else first.key
    return first._replace(kind="date", key=completed(key, last.key, ranged))


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
