"""What a judge's reply says: A, B, C (neither is better), or nothing that is clear."""

from __future__ import annotations

import re
from typing import Literal

Ruling = Literal["A", "B", "C", ""]

_LETTER = r"(?<![A-Za-z0-9])([ABC])(?![A-Za-z0-9'’])"
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_RULES = (
    re.compile(r"(?:\[\[|\*\*|\\boxed\{)([ABC])(?:\]\]|\*\*|\})"),  # marked as the result
    re.compile(r"^[^\w]*([ABC])\s*(?:[.,:;)\]。，：；、）—–-]|\n|$)"),  # first, and then reasons
    re.compile(r"(?:[:：]|\n)[^\w\n]*([ABC])[^\w]*$"),  # reasons first
    re.compile(_LETTER),  # anywhere, if it is the only one
)
_NEITHER = re.compile(
    r"\b(?:an? tie|equally (?:good|right|correct|accurate|wrong|bad|incorrect))\b"
    r"|平局|不分(?:上下|高下|胜负)|(?:一样|同样|同等)(?:好|差|正确|错误)",
    re.IGNORECASE,
)


def ruling(reply: str) -> Ruling:
    """The first rule that finds one letter, and no other by the same rule, has it."""
    if letter := _only({_EDGES.sub("", reply).upper()}):
        return letter
    for rule in _RULES:
        found = set(rule.findall(reply))
        if letter := _only(found):
            return letter
        if found and rule is not _RULES[-1]:
            return ""
    return "C" if _NEITHER.search(reply) else ""


def _only(found: set[str]) -> Ruling:
    """The letter that stands alone in `found`."""
    letters: tuple[Ruling, ...] = ("A", "B", "C")
    return next((letter for letter in letters if found == {letter}), "")
