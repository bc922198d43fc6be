"""Phrases beside a number that change what it says: bounds, tolerances, a minus, a unit."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from self_evolution.text.table import LANGUAGES, forms, rows

BOUNDS = frozenset("≥≤><≠±")

_SPACES = " \t\n\u00a0\u2009\u202f"
# What else may be between phrase and number: marks of emphasis, a bracket, a colon.
_LOOSE = _SPACES + "*_`\"“'‘(（:："
_SIGNS = frozenset("≥≤><=≠±$¢£¥฿₹₩₽₺₴₪₫€")
_TAG = re.compile(r"<[^<>\s=0-9][^<>\n]*>\Z")  # <b>5, <address>5
_LETTER = r"[^\W\d_]"
_HAN = "⺀"  # the first of the characters that are written without spaces
# "为" in 至少为5 adds nothing, nor does the classifier in 5个以上; 不 may have an auxiliary verb.
_FILLERS = re.compile(
    r"(?:需要|必须|支持|可以|可|能够|能|允许|包含|容纳|应|为|是|要|需|达|到|有|值|含)+\Z"
)
_CLASSIFIER = "[个台次条名位人项种只张根]"
_JOINING = "(?:or|and|oder|und|ou|et)"
_AFTER_NOUN = re.compile(rf"[ ]{_LETTER}{{2,20}}[ ]{_JOINING}[ ]", re.IGNORECASE)
_BETWEEN = re.compile(r"(?:\b(?:between|zwischen|entre)[ ]|介于[ ]?)\Z", re.IGNORECASE)
_NOT = "不(?:得|能|可|应|宜|会|准|允许|应该|可以|能够)?"
_LONGEST = 40


class Phrase(NamedTuple):
    """The meaning of a phrase (the table's `meaning`, or a currency), and its span in the text."""

    meaning: str
    start: int
    end: int


def before(text: str, end: int) -> Phrase | None:
    """The phrase that ends where a number begins, at `end` of a plain text; None without one."""
    while end and text[end - 1] in _SPACES:
        end -= 1
    last = text[end - 1 : end]
    if last in _SIGNS:
        tag = last == ">" and _TAG.search(text, max(end - 80, 0), end)
        return None if tag else _ending(text, end, last)
    while end and text[end - 1] in _LOOSE:
        end -= 1
    last = text[end - 1 : end]
    if last >= _HAN:
        filler = _FILLERS.search(text, max(end - 10, 0), end)
        found = _ending(text, end, last)
        return before(text, filler.start()) if filler and not found else found
    if last.isalpha() or last == ".":
        last = text[max(end - _LONGEST, 0) : end].split()[-1].lstrip("([{*_\"'").lower()
        return _ending(text, end, last)
    return None


@cache
def last_words() -> frozenset[str]:
    """The words in lower case that a phrase before a number ends in, if it ends in a word."""
    return frozenset(_before())


def _ending(text: str, end: int, last: str) -> Phrase | None:
    known = _before().get(last)
    found = known and known.pattern.search(text, max(end - _LONGEST, 0), end)
    if not known or not found:
        return None
    meaning = known.meanings[(found.lastindex or 1) - 1]
    if meaning == "-" and text[max(found.start() - 4, 0) : found.start()].rstrip()[-1:].isdigit():
        return None  # ten minus five
    return Phrase(meaning, found.start(), end)


class _Known(NamedTuple):
    """Phrases with one last word, in a pattern of a group each, and what each means."""

    pattern: re.Pattern[str]
    meanings: list[str]


@cache
def _before() -> dict[str, _Known]:
    """All phrases, by their last word, or by their last character if that is none."""
    pairs = [(form, row["meaning"]) for row, form in _phrases("before")]
    pairs += [(form, row["unit"]) for row in rows("currencies") for form in forms(row, "before")]
    by_last: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for form, meaning in pairs:
        by_word = form[-1] == "." or (form[-1].isalpha() and form[-1] < _HAN)
        by_last[form.split()[-1].lower() if by_word else form[-1]].append((form, meaning))
    return {
        last: _Known(
            re.compile("|".join(f"({_bounded(form)})" for form, _ in some), re.IGNORECASE),
            [meaning for _, meaning in some],
        )
        for last, some in by_last.items()
    }


def _bounded(form: str) -> str:
    """A pattern for a phrase that ends the text, and is not the end of a word or of an arrow."""
    ahead = rf"(?<!{_LETTER})" if form[0].isalpha() and form[0] < _HAN else ""
    ahead = "(?<![<>=-])" if form in "<>" else ahead
    words = r"\s+".join(re.escape(word) for word in form.split())
    words = words.replace(r"not\s+", r"not\s+(?:(?:be|fall|go|rise)\s+)?")
    return f"{ahead}{_NOT}{words[1:]}\\Z" if form[0] == "不" else f"{ahead}{words}\\Z"


def _phrases(place: str) -> Iterator[tuple[dict[str, str], str]]:
    for row in rows("phrases"):
        if row["place"] == place:
            for form in forms(row, "signs", *LANGUAGES):
                yield row, form


def after(text: str, start: int) -> Phrase | None:
    """The phrase that begins behind a number and its unit, at `start`: "or more", 以上."""
    first = text[start : start + 4].lstrip(" \u00a0,)*_`")[:1].lower()
    if not first or (first not in _after_begins() and not _AFTER_NOUN.match(text, start)):
        return None
    found = _after().match(text, start)
    if found is None:
        return None
    phrase = found["words"] or found["characters"]
    return Phrase(_after_meanings()[phrase.lower()], found.start(), found.end())


@cache
def _after_meanings() -> dict[str, str]:
    return {form.lower(): row["meaning"] for row, form in _phrases("after")}


@cache
def _after_begins() -> frozenset[str]:
    return frozenset((*(form[0] for form in _after_meanings()), *_CLASSIFIER[1:-1]))


@cache
def _after() -> re.Pattern[str]:
    known = sorted(_after_meanings(), key=len, reverse=True)
    words = "|".join(re.escape(form) for form in known if form[0] < _HAN)
    characters = "|".join(form for form in known if form[0] >= _HAN)
    # A noun may stand between, as in "5 nodes or more" and 5个节点以上. What stands before another
    # number belongs to that one: "5 bar, at least 3 of them".
    return re.compile(
        rf"(?:[ \u00a0,)*_`]{{0,3}}|[ ]{_LETTER}{{2,20}}[ ](?={_JOINING}[ ]))(?P<words>{words})"
        rf"(?!{_LETTER})(?!\s*[.:*_`(]*\s*[0-9$€£¥≥≤<>±+-])"
        rf"|(?:{_CLASSIFIER}[一-鿿]{{0,3}}?)?(?P<characters>{characters})(?![述文面所步])",
        re.IGNORECASE,
    )


def between(text: str, start: int) -> bool:
    """Whether the word "between" stands right before `start`."""
    return _BETWEEN.search(text, max(start - 10, 0), start) is not None


def say(text: str, bound: str) -> bool:
    """Whether the words of a text name a bound, as "What is the minimum pressure?" does."""
    return _named(bound).search(text) is not None


@cache
def _named(bound: str) -> re.Pattern[str]:
    named = [form for row, form in _phrases("named") if row["meaning"] == bound]
    return re.compile(
        "|".join(rf"\b{re.escape(form)}" if form[0] < _HAN else form for form in named) or "(?!)",
        re.IGNORECASE,
    )
