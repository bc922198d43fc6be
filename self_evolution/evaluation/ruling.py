"""The ruling in a judge's reply: A, B, C (neither is better), or unclear."""

from __future__ import annotations

import re
from typing import Literal

Ruling = Literal["A", "B", "C", ""]

_EDGES = re.compile(r"^[\W_]+|[\W_]+$")
_RULES = (
    re.compile(r"(?:\[\[|\*\*|\\boxed\{)([ABC])(?:\]\]|\*\*|\})"),  # marked as the result
    re.compile(r"^[^\w]*([ABC])\s*(?:[.,:;)\]。，：；、）—–-]|\n|$)"),  # first, and then reasons
    re.compile(r"(?:[:：]|\n)[^\w\n]*([ABC])[^\w]*$"),  # reasons first
)
_EVEN = re.compile(
    r"\b(?:an? (?:tie|draw)\b|equally (?:good|right|correct|accurate|wrong|bad|incorrect)|neither\b"
    r"|both (?:(?:answers|replies|responses|of them) )?(?:are|were) (?:\w+ )?"
    r"(?:right|correct|accurate|good|wrong|incorrect|inaccurate|bad|equal|equivalent)\b)"
    r"|^\W*(?:tie|draw)\b"
    r"|平局|平手|不分(?:上下|高下|胜负)|(?:一样|同样|同等)(?:好|差|正确|错误)"
    r"|(?:两者|两个(?:作答|答案|回答)|二者)(?:都|均)",
    re.IGNORECASE,
)
_YET = re.compile(
    r"\b(?:but|however|though|although|yet|first|second|more|(?:answer|option) [12])\b"
    r"|但|不过|然而|更|第一|第二",
    re.IGNORECASE,
)
"""The words after "both are right, but" that prefer one answer after all."""

_BARE = re.compile(r"(?<![A-Za-z0-9])([ABC])(?![A-Za-z0-9'’])")
_NAMED = re.compile(
    r"(?:\b(?:answer|option|choice|verdict|candidate|response)s?(?: is)?"
    r"|答案|作答|回答|选项|选择?|是)[^\w\n]*$",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\s+(?:is|was|has|does|and|or|than|wins|agrees|matches|states|gives|names|says|omits|misses"
    r"|lacks|contradicts)\b"
)


def ruling(reply: str) -> Ruling:
    """Return the letter of the first rule that finds exactly one letter.

    If no letter stands out, the words for a draw count, then letters in the middle of a text.
    """
    if letter := _only({_EDGES.sub("", reply).upper()}):
        return letter
    for rule in _RULES:
        if found := set(rule.findall(reply)):
            return _only(found)
    bare = {found[1] for found in _BARE.finditer(reply) if _meant(reply, found)}
    if not _EVEN.search(reply):
        return _only(bare)
    return "" if _only(bare - {"C"}) or _YET.search(reply) else "C"


def _meant(reply: str, found: re.Match[str]) -> bool:
    """Whether the found letter names an answer. In "A better answer" it is an article, and C may be
    a vitamin."""
    if _NAMED.search(reply, 0, found.start()):
        return True
    if found[1] == "C":
        return not re.search(r"\w", reply[: found.start()])
    article = found[1] == "A" and re.match(r"\s+[a-z]", reply[found.end() :])
    return not article or bool(_VERB.match(reply, found.end()))


def _only(found: set[str]) -> Ruling:
    """The only letter in `found`, if there is just one."""
    letters: tuple[Ruling, ...] = ("A", "B", "C")
    return next((letter for letter in letters if found == {letter}), "")
