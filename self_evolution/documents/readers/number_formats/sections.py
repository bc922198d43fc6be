"""The parts of a number format: its sections, and the tokens of each."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|[_*](?P<blank>.)'
    r"|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[(?P<elapsed>h+|m+|s+)\]"
    r"|\[(?P<relation><=|>=|<>|[<>=])(?P<bound>[-+\d.eE]+)\]|\[[^\]]*\]"
    r"|(?P<general>General)|(?P<half>AM/PM|A/P)|(?P<power>E[+-])"
    r"|(?P<clock>h+|s+)|(?P<date>y+|m+|d+|e+)"
    r"|(?P<digit>[0#?])|(?P<sign>[.,%/@;])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)


class Token(NamedTuple):
    kind: str  # text, digit, sign, power, general, date, clock, half or elapsed
    text: str


class Section(NamedTuple):
    """One of the formats that semicolons separate; `relation` and `bound` say when it is used."""

    tokens: tuple[Token, ...]
    relation: str
    bound: Decimal

    def has(self, kind: str, text: str = "") -> bool:
        return any(one.kind == kind and text in one.text for one in self.tokens)


@lru_cache(maxsize=1024)
def sections(code: str) -> tuple[Section, ...]:
    """The sections of a format, in order; there is at least one."""
    found = []
    tokens: list[Token] = []
    relation, bound = "", Decimal(0)
    for match in [*_TOKEN.finditer(code), None]:
        if match is None or match["sign"] == ";":
            found.append(Section(_with_minutes(tokens), relation, bound))
            tokens, relation, bound = [], "", Decimal(0)
            continue
        kind = match.lastgroup or ""
        if kind == "bound":
            relation = match["relation"]
            bound = Decimal(match["bound"]) if _is_number(match["bound"]) else bound
        elif kind in ("quoted", "escaped", "currency", "other"):
            tokens.append(Token("text", match[kind]))
        elif kind == "blank":
            tokens.append(Token("text", " " if match[0][0] == "_" else ""))
        elif kind:
            tokens.append(Token(kind, match[kind] if kind == "half" else match[kind].lower()))
    return tuple(found)


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d{1,3})?", text))


def _with_minutes(tokens: list[Token]) -> tuple[Token, ...]:
    """The letter m stands for minutes beside hours or seconds, and for months elsewhere."""
    found = list(tokens)
    places = [i for i, one in enumerate(tokens) if one.kind in ("date", "clock", "elapsed")]
    for place, i in enumerate(places):
        before = tokens[places[place - 1]] if place else Token("", "-")
        after = tokens[places[place + 1]] if place + 1 < len(places) else Token("", "-")
        is_minutes = before.text[0] == "h" or after.text[0] == "s"
        if tokens[i].kind == "date" and tokens[i].text[0] == "m" and is_minutes:
            found[i] = tokens[i]._replace(kind="clock")
    return tuple(found)
