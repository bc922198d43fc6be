"""The values of a text: numbers with their units, identifiers, names in Chinese sentences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from self_evolution.text.lexer import Token, keys, lex, plain
from self_evolution.text.script import has_cjk, is_cjk, plain_width

# A chunk of Latin letters that is more than a word: it holds a digit, an underscore, a
# backslash or an @, is a URL or a path, a file or host name (but not "e.g."), is written
# likeThis, or joins capitals (SBI-GW, TCP/IP). "well-known" and "and/or" are words.
_CODE = re.compile(
    r".*[0-9_\\@].*|.*://.*|/.+|.*[^\W\d_]{2}\.[^\W\d_]{2}.*|[a-z]+[A-Z].*|[A-Z]+(?:[-/][A-Z]+)+",
    re.DOTALL,
)
_QUOTED = re.compile(
    r"“([^“”\n]{1,60})”|‘([^‘’\n]{1,60})’|「([^「」\n]{1,60})」|『([^『』\n]{1,60})』"
    r"|【([^【】\n]{1,60})】|《([^《》\n]{1,60})》|\"([^\"\n]{1,60})\"|`([^`\n]{1,60})`"
)


def _number_with_unit(text: str, tokens: Sequence[Token], index: int) -> str:
    number = tokens[index]
    if index + 1 == len(tokens) or tokens[index + 1].kind != "unit":
        return number.text
    follower = tokens[index + 1]
    if follower.start < 0:
        return f"{number.text} {follower.text}"
    return text[number.start : follower.end]


def extract_values(text: str, *, cjk: bool | None = None) -> list[str]:
    """The values of `text` as written, in order, each once.

    Numbers, with the unit that follows directly or after a space; identifiers and codes; in
    text of a CJK script (`cjk`, by default found out from `text`) every Latin word too, and
    quoted strings. List markers at line starts are none.
    """
    return list(_extracted(text, cjk))


@lru_cache(maxsize=64)
def _extracted(text: str, cjk: bool | None) -> tuple[str, ...]:
    text = plain(text)
    cjk = is_cjk(text) if cjk is None else cjk
    tokens = lex(text)
    found: list[tuple[int, str]] = []
    for index, token in enumerate(tokens):
        if token.kind == "number":
            found.append((token.start, _number_with_unit(text, tokens, index)))
        elif token.kind == "word" and (cjk or _CODE.fullmatch(token.text)):
            found.append((token.start, token.text))
    if cjk:
        quoted = ((match.start(), match[match.lastindex or 0]) for match in _QUOTED.finditer(text))
        found += [(start, content.strip()) for start, content in quoted if has_cjk(content)]
    unique: dict[tuple[str, ...], str] = {}
    for _, value in sorted(found, key=lambda item: item[0]):
        unique.setdefault(keys(value)[0], value)
    return tuple(unique.values())


def _bounded(value: str) -> str:
    """A pattern for `value` that no letter or digit beside it extends."""
    left = r"(?<![A-Za-z0-9_])(?<![0-9]\.)" if re.match(r"[A-Za-z0-9_]", value) else ""
    right = r"(?![A-Za-z0-9_])(?!\.[0-9])" if re.search(r"[A-Za-z0-9_]\Z", value) else ""
    return left + re.escape(value) + right


def _squashed(text: str) -> str:
    return "".join(text.split()).casefold()


def _follow(part: Sequence[str], whole: Sequence[str]) -> bool:
    size = len(part)
    return any(
        whole[start : start + size] == part
        for start in range(len(whole) - size + 1)
        if whole[start] == part[0]
    )


def stands_in(value: str, text: str) -> bool:
    """Whether `value` stands in `text` as a whole: "4" stands neither in "48" nor in "4.5".

    Its tokens must follow one another there, whatever the case, numbers compared as numbers
    and units by their meaning ("4GB" stands in "4 gb"; "4" does too). A value with CJK
    characters must be contained, white space aside. A blank value stands nowhere.
    """
    value, text = plain_width(value).strip(), plain(text)
    value = value.rstrip(".,;:!?。，、；：！？") or value
    tokens = lex(value)
    if any(token.kind == "cjk" for token in tokens):
        return re.search(_bounded(_squashed(value)), _squashed(text)) is not None
    if all(token.kind == "sign" for token in tokens):
        return bool(value) and value in text
    return any(_follow(part, whole) for part, whole in zip(keys(value), keys(text), strict=True))
