"""Units, and the one form of each that comparisons use.

"m³/h", "m^3/h", "cubic metres per hour", "Kubikmeter pro Stunde" and "立方米/小时" are all m^3/h.
The words stand in `tables/`; what a language puts together of them is read here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

from self_evolution.text.characters import EXPONENT, RAISED, on_the_line
from self_evolution.text.table import LANGUAGES, forms, rows

# In capitals these are names or words (48 US states, the parameter MIN).
_NEVER_CAPITALS = frozenset(
    ("s", "ns", "μs", "min", "h", "d", "week", "month", "year", "bit", "bar", "°")
)
# Units that are squared and cubed by a figure without a sign (m2, m3, s2).
_SQUARED_PLAINLY = frozenset(("m", "km", "dm", "cm", "mm", "μm", "nm", "in", "ft", "yd", "mi", "s"))
_OVER = re.compile(r" ?/ ?| (?:per|pro|je|par) ")
_FACTOR = re.compile(
    rf"([^\W\d_{RAISED}]+|[%‰°$¢£¥฿₠-₿][CF]?)"
    rf"(?:\^[({{]?([+-]?[0-9])[)}}]?|({EXPONENT})|([23]))?(?![0-9])"
)


class Names(NamedTuple):
    """The names of units: by exact case, in any case, in words; and words for powers."""

    exact: dict[str, str]
    loose: dict[str, str]
    words: dict[str, str]
    tens: dict[str, int]
    """Words that multiply a number by a power of ten: million."""
    before: dict[str, int]
    """Words that square and cube the unit behind them: square."""
    after: dict[str, int]


@cache
def names() -> Names:
    """The tables, with all combinations of prefix and unit."""
    found = Names({}, {}, {}, {}, {}, {})
    prefixes = {row["prefix"]: row for row in rows("prefixes")}
    for row in rows("units"):
        for symbol, key in _prefixed(row, prefixes, "symbols"):
            found.exact.setdefault(symbol, key)
            if row["case"] == "any" and len(symbol) > 1:
                found.loose.setdefault(symbol.casefold(), key)
        for language in LANGUAGES:
            for word, key in _prefixed(row, prefixes, language):
                found.words.setdefault(word.casefold(), key)
    for row in rows("currencies"):
        found.exact.update(dict.fromkeys(forms(row, "before"), row["unit"]))
        for word in forms(row, *LANGUAGES):
            found.words.setdefault(word.casefold(), row["unit"])
    for row in rows("scales"):
        exponent = int(row["exponent"])
        found.tens.update((word.casefold(), exponent) for word in forms(row, *LANGUAGES))
    for row in rows("powers"):
        known = found.before if row["place"] == "before" else found.after
        known.update((word.casefold(), int(row["exponent"])) for word in forms(row, *LANGUAGES))
    return found


@cache
def currencies() -> frozenset[str]:
    """The compared forms of all currencies."""
    return frozenset(row["unit"] for row in rows("currencies"))


def _prefixed(
    row: dict[str, str], prefixes: dict[str, dict[str, str]], column: str
) -> Iterator[tuple[str, str]]:
    """Each form of a unit in a column, without and with its prefixes, and what it stands for."""
    for cell in forms(row, column):
        form, _, only_prefixed = cell.partition(":")
        if not only_prefixed:
            yield form, row["unit"]
        for prefix in row["prefixes"].split():
            for before in forms(prefixes[prefix], column):
                yield before + form, prefix + row["unit"]


@lru_cache(maxsize=8192)
def unit(text: str) -> str | None:
    """The compared form of the unit that `text` is as a whole; None if it is none.

    "Seconds" gives s, "kg·m⁻³" kg/m^3, "Liter pro Minute" L/min.
    """
    text = " ".join(text.replace("**", "^").replace("° ", "°").split())
    if (found := _single(text) or _power_in_words(text)) or text.isalpha():
        return found
    powers: Counter[str] = Counter()
    for place, side in enumerate(_OVER.split(text)):
        factors = _factors(side.strip("() "))
        if not factors and side != "1":
            return None
        for base, exponent in factors:
            powers[base] += -exponent if place else exponent
    return _written(powers)


def per(key: str, other: str) -> str:
    """The compared form of one unit by another: km, h gives km/h."""
    powers = Counter(dict(_parts(key)))
    powers.subtract(dict(_parts(other)))
    return _written(powers)


def _single(text: str) -> str | None:
    known = names()
    if found := known.exact.get(text):
        return found
    folded = text.casefold()
    found = known.words.get(folded) or known.loose.get(folded)
    if found is None or (len(text) == 1 and text.isascii()):
        return None
    if text.isascii() and text.isupper() and found in _NEVER_CAPITALS:
        return None
    return found


def _power_in_words(text: str) -> str | None:
    """A unit with its exponent in words: square metre, Quadratmeter, mètre carré, 平方米."""
    folded, known = text.casefold(), names()
    for word, exponent in known.before.items():
        if folded.startswith(word) and (base := _single(folded[len(word) :].lstrip(". -"))):
            return f"{base}^{exponent}"
    name, _, word = folded.rpartition(" ")
    base = _single(name) if word in known.after else None
    return base and f"{base}^{known.after[word]}"


def _factors(side: str) -> list[tuple[str, int]]:
    """The units that one side of a stroke multiplies, with their exponents; none if one is not."""
    if found := _single(side) or _power_in_words(side):
        return list(_parts(found))
    if _FACTOR.sub("", side).strip("·* "):
        return []
    factors: list[tuple[str, int]] = []
    for name, signed, raised, plain in _FACTOR.findall(side):
        base = _single(name)
        if base is None or (plain and not (base in _SQUARED_PLAINLY and name.islower())):
            return []
        exponent = int(signed or on_the_line(raised) or plain or "1")
        factors += [(part, exponent * times) for part, times in _parts(base)]
    return factors


def _parts(key: str) -> Iterator[tuple[str, int]]:
    """The factors of a compared form, with their exponents: m^3/h gives (m, 3), (h, -1)."""
    above, _, below = key.partition("/")
    for sign, side in ((1, above), (-1, below)):
        for factor in side.split("·") if side else ():
            base, _, exponent = factor.partition("^")
            yield base, sign * int(exponent or "1")


def _written(powers: Counter[str]) -> str:
    """One form for all orders of the factors, kg·m/s^2; or the name of the whole, rpm for 1/min."""
    above, below = (
        "·".join(
            base if n == sign else f"{base}^{abs(n)}"
            for base, n in sorted(powers.items())
            if n * sign > 0
        )
        for sign in (1, -1)
    )
    key = f"{above or 1}/{below}" if below else above or "1"
    return names().exact.get(key, key)
