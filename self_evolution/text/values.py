"""The values that a text states, and whether a value stands in another text.

What a reader would call the same value compares equal, however it is written, and what he would
call another compares different. A bound is part of a value: "at least 5 bar" is not "5 bar", unless
the words around say it ("What is the minimum pressure?"). So is a currency; so is a unit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from self_evolution.text import phrases
from self_evolution.text.characters import plain_characters
from self_evolution.text.figures import number_at
from self_evolution.text.lexer import keys, lex, plain, vocabulary, words
from self_evolution.text.markup import unmarked
from self_evolution.text.moments import covers, whole_date
from self_evolution.text.scanner import scan
from self_evolution.text.script import has_cjk, is_cjk
from self_evolution.text.spelt import in_digits
from self_evolution.text.token import Token

_QUOTED = re.compile(
    r"“([^“”\n]{1,60})”|‘([^‘’\n]{1,60})’|「([^「」\n]{1,60})」|『([^『』\n]{1,60})』"
    r"|【([^【】\n]{1,60})】|《([^《》\n]{1,60})》|\"([^\"\n]{1,60})\"|`([^`\n]{1,60})`"
)
_FIGURE = re.compile("[0-9]")
_MARK = re.compile("[.,]")
_EMPHASIS = re.compile("[*`]+")
_EMPHASIS_FIRST = re.compile("^[*`]+ ?")


def extract_values(text: str, *, cjk: bool | None = None, about: str = "") -> list[str]:
    """The values of `text` as written, in order, each once.

    Numbers, with the unit that follows and with their bound ("at least 5 bar"); identifiers and
    codes; in text of a CJK script (`cjk`, by default found out from `text`) every Latin word too,
    and quoted strings. List markers at line starts are none.

    `about` is a text on the same matter, whose language says how "10.000" is read where that of
    `text` does not. Figures that another language would read otherwise are written anew, so that a
    value says the same wherever it is kept: 10.000 in a German text is 10000.
    """
    whole = plain(text)
    return [_written(whole, token, about) for token in stated(text, cjk, about)]


def stated(text: str, cjk: bool | None = None, about: str = "") -> tuple[Token, ...]:
    """The result of `extract_values`, as tokens of `plain(text)`."""
    text = plain(text)
    if is_cjk(text) if cjk is None else cjk:
        found = [token for token in words(text, about) if token.kind != "sign"]
        for match in _QUOTED.finditer(text):
            content = match[match.lastindex or 0].strip()
            if has_cjk(content):
                found.append(Token("text", content, *match.span()))
        found.sort(key=lambda token: token.start)
    else:
        scanned = scan(text, about)
        if len(scanned) < 2:
            return scanned
        found = list(scanned)
    unique: dict[tuple[str, ...], Token] = {}
    for token in found:
        unique.setdefault((token.key, token.unit or token.shared, token.bound), token)
    return tuple(unique.values())


def _written(text: str, token: Token, about: str) -> str:
    if token.kind == "text":
        return token.key
    if token.kind == "word":
        return text[token.start : token.end]
    if token.kind == "date":
        written = text[token.start : token.end]
        alone_it_is = parsed(written, about)
        return written if alone_it_is and alone_it_is.key == token.key else whole_date(token.key)
    figures = text[token.head : token.tail]
    if figures[-1:].isalpha():  # €1.5M
        figures = token.key
    elif "×" in token.key and _MARK.search(figures):  # 3,5 × 4,5 m
        product = parsed(figures)
        figures = figures if product and product.key == token.key else token.key
    elif _MARK.search(figures):
        alone, here = number_at(figures, 0), number_at(text, token.head, about)
        if here and (alone is None or alone.end < len(figures) or alone.key != here.key):
            figures = here.key
    before, behind = text[token.start : token.head], text[token.tail : token.end]
    written = f"{_EMPHASIS.sub('', before)}{figures}{_EMPHASIS_FIRST.sub(' ', behind)}"
    return f"{written} {token.shared}".strip()


def stands_in(value: str, text: str, about: str = "") -> bool:
    """Whether `value` stands in `text` as a whole: "4" stands neither in "48" nor in "4.5".

    Numbers are compared as numbers and units by their meaning: "4GB" stands in "4 gb", and "4" does
    too, because what a value leaves out contradicts nothing; so does "2024" in "5 March 2024". A
    number may stand there in English or Chinese words. Other tokens must follow one another there,
    whatever the case. A value with CJK characters must be contained, white space aside. A blank
    value stands nowhere. A bound may be missing in `text` if its words name it, or those of
    `about`, such as the question.
    """
    wanted = parsed(value, about)
    return wanted is not None and found_in(wanted, text, about)


@lru_cache(maxsize=256)
def parsed(value: str, about: str = "") -> Token | None:
    """The one number or code that `value` is, else its text as a token; None if it is blank."""
    text = plain_characters(unmarked(value)).strip()
    text = text.rstrip(".,;:!?。，、；：！？") or text
    tokens = scan(text, about)
    if len(tokens) == 1 and (tokens[0].start, tokens[0].end) == (0, len(text)):
        return tokens[0]
    tokens = lex(text, about)
    if len(tokens) == 1 and tokens[0].kind in ("number", "word"):
        return tokens[0]
    return Token("text", text, 0, len(text)) if text else None


def found_in(wanted: Token, text: str, about: str = "") -> bool:
    """`stands_in` for a value that is parsed."""
    text = plain(text)
    if wanted.kind == "number":
        if _number_stands(wanted, text, about):
            return True
        # Hardly a number of more than three figures, noughts aside, is written in words.
        digits = in_digits(text) if len(wanted.key.rstrip("0")) < 4 else text
        return digits != text and _number_stands(wanted, digits, about)
    if wanted.kind == "date":
        return any(stands_as(wanted, token) for token in scan(text, about))
    if wanted.kind == "word":
        key = wanted.key
        if any(token.key == key for token in scan(text, about)):
            return True
        code = "^" not in key and _FIGURE.search(key)  # which only the scan finds
        return not code and key in vocabulary(text, about)
    return _text_stands(wanted.key, text, about)


def _number_stands(wanted: Token, text: str, about: str) -> bool:
    bare = False
    for token in scan(text, about):
        if token.key == wanted.key:
            if stands_as(wanted, token):
                return True
            bare = bare or (not token.bound and stands_as(wanted._replace(bound=""), token))
        elif token.kind == "date" and not wanted.unit:
            year, _, day = token.key.split("-")
            if wanted.key in (year, day):  # a month is mostly no number in the text
                return True
    return bare and any(_say(told, about, wanted.bound) for told in (text, about))


def stands_as(wanted: Token, token: Token) -> bool:
    """Whether a value is one that a text has; what it leaves out contradicts nothing."""
    return (
        wanted.kind == token.kind
        and (wanted.key == token.key or (wanted.kind == "date" and covers(token.key, wanted.key)))
        and (not wanted.bound or wanted.bound == token.bound)
        and (not wanted.unit or same_unit(wanted.unit, token.unit or token.shared_unit))
    )


def agree(one: str, other: str, about: str = "") -> bool:
    """Whether two values say the same; a unit that only one has says nothing, a bound does."""
    if not (stands_in(one, other, about) or stands_in(other, one, about)):
        return False
    bounds = {token.bound for token in (parsed(one, about), parsed(other, about)) if token}
    return len(bounds) == 1 or any(bound and _say(about, about, bound) for bound in bounds)


def may_agree(one: Token, other: Token) -> bool:
    """Whether two numbers say the same, as far as both state a unit and a bound."""
    units = (one.unit or one.shared_unit, other.unit or other.shared_unit)
    bounds = {one.bound, other.bound}
    return (
        one.key == other.key
        and ("" in units or same_unit(*units))
        and (len(bounds) == 1 or ("" in bounds and "±" not in bounds))
    )


def same_unit(one: str, other: str) -> bool:
    """Whether two units can be the same: "5 pounds" may be a weight or money."""
    return one == other or not set(one.split("|")).isdisjoint(other.split("|"))


def _say(text: str, about: str, bound: str) -> bool:
    """Whether the words of a text between its values name a bound."""
    parts, place = [], 0
    for token in scan(text, about):
        parts.append(text[place : token.start])
        place = token.end
    return phrases.say(" ".join((*parts, text[place:])), bound)


def _text_stands(value: str, text: str, about: str) -> bool:
    tokens = lex(value, about)
    if any(token.kind == "cjk" for token in tokens):
        pattern = _bounded(_squashed(normal(value, about)))
        return re.search(pattern, _squashed(normal(text, about))) is not None
    if all(token.kind == "sign" for token in tokens):
        return value in text
    pairs = zip(keys(value, about), keys(text, about), strict=True)
    return any(_follow(part, whole) for part, whole in pairs)


@lru_cache(maxsize=256)
def normal(text: str, about: str = "") -> str:
    """A plain text with each of its values in the one form that is compared."""
    parts, place = [], 0
    for token in scan(text, about):
        parts += [text[place : token.start], token.normal]
        place = token.end
    return "".join((*parts, text[place:]))


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
