"""The faults of fragments: cut sentences, broken fences, tables without their header."""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from .gold import Block
from .words import WORD, is_numbering, words

_FENCE = re.compile(r"^\s*(```+|~~~+)(.*)$")
_ROW = re.compile(r"^\s*\|(?=.*[^|\s]).*\|\s*$")
_RULE = re.compile(r"^\s*\|(\s*:?-+:?\s*\|)+\s*$")
_MARKER = re.compile(r"^[ \t>|#]*(?:[-*+•]|\d{1,3}[.)])[ \t]+", re.MULTILINE)
_MARKUP = re.compile(
    r"\]\([^)\s]*\)|<https?:[^\s>]*>|https?:[^\s\[]*(?=\[)|:[a-z]+:(?=`)|\\ | <[^<>`]*>(?=`)"
)  # links and roles
_FIELD = re.compile(r"^[\w .-]{1,30}: ")
_ITEM = re.compile(r"^\s*(?:[-*+•–]|\(?\w{1,3}[.)]|#{1,6}|>|\||```|~~~|\.\.)\s*")
_NOTE = r"(\s?(\[\d+\]|[\d⁰¹²³⁴-⁹]{1,3})`?)?"  # the mark of a footnote
_STOP = re.compile(rf"[.!?…]+[\"'”’»)\]*_`]*{_NOTE}$")
_ABBREVIATION = re.compile(r"\b([A-ZА-Я]\w{0,2}|\w)\.$")  # or a short name: the witness decides
_WIDE_STOP = re.compile(rf"[。！？．…][」』”’）】\"')]*{_NOTE}$")
_LANGUAGES = {"en", "de", "fr", "ru", "zh", "ja"}
_REACH = ((24, 10**9), (12, 4000), (8, 1000), (5, 400))
"""(words of a fragment's end to look up in the source, how far from where it is expected)."""
_SURE = 12


class Place(NamedTuple):
    """A word of the source: the block it stands in and its characters there."""

    block: int
    start: int
    end: int


class Source:
    """The source's words, in which the beginning and the end of a fragment can be looked up."""

    def __init__(self, content: Sequence[Block], language: str) -> None:
        self.texts = [unicodedata.normalize("NFC", block.text) for block in content]
        self.language = language
        self.words: list[str] = []
        self.places: list[Place] = []
        for number, text in enumerate(self.texts):
            for match in WORD.finditer(text):
                self.words.append(match[0].lower())
                self.places.append(Place(number, match.start(), match.end()))
        self._grams: dict[int, dict[tuple[str, ...], list[int]]] = {}

    def find(self, run: Sequence[str], near: int, reach: int) -> list[int]:
        """Return where the run of words begins, at most `reach` from `near`; the nearest first."""
        size = len(run)
        if size not in self._grams:
            table: dict[tuple[str, ...], list[int]] = {}
            for at in range(len(self.words) - size + 1):
                table.setdefault(tuple(self.words[at : at + size]), []).append(at)
            self._grams[size] = table
        found = self._grams[size].get(tuple(run), [])
        close = [at for at in found if abs(at - near) <= reach]
        # A few words may stand in several places: a long run is where it is nearest.
        return sorted(close, key=lambda at: abs(at - near))[: 1 if size >= _SURE else None]

    def may_part(self, word: int) -> bool:
        """Whether a fragment may end before this word and another begin with it."""
        if word <= 0 or word >= len(self.words):
            return True
        before, here = self.places[word - 1], self.places[word]
        text = self.texts[here.block]
        # Formats number captions and headings themselves, so a block may begin behind its number.
        if before.block != here.block or is_numbering(text[: before.end]):
            return True
        return sentence_ends(text, before.end, here.start, self.language)

    def stops(self, word: int) -> bool:
        """Whether there is a stop behind the word."""
        place = self.places[word]
        rest = self.texts[place.block][place.end :]
        return bool(re.match(r"\W*?[.!?…。！？．]", rest))


def cuts(fragments: Sequence[dict[str, Any]], source: Source | None, language: str) -> list[str]:
    """Fragments of one document that begin or end inside a sentence, as text to show.

    The source decides where it has the words; else the text on both sides of the cut does.
    """
    found = []
    near = 0
    for number, fragment in enumerate(fragments):
        text = fragment["text"]
        before = fragments[number - 1] if number else None
        after = fragments[number + 1] if number + 1 < len(fragments) else None
        begins, near = _begins(text, source, near)
        if begins is None:
            begins = _joins(before, fragment, language)
        ends, near = _ends(text, source, near)
        if ends is None:
            ends = _joins(fragment, after, language)
        if not begins or not ends:
            shown = f"{text[:70]!r} … {text[-70:]!r}"
            found.append(("" if begins else "begins ") + ("" if ends else "ends ") + shown)
    return found


def _begins(text: str, source: Source | None, near: int) -> tuple[bool | None, int]:
    """Whether it may begin so, None if the source has not its words; and where it begins there."""
    for run in _runs(text):
        for size, reach in _reach(run) if source else []:
            if places := source.find(run[:size], near, reach):
                may = any(source.may_part(at) for at in places)
                return may, places[0]
    return None, near


def _ends(text: str, source: Source | None, near: int) -> tuple[bool | None, int]:
    expected = near + len(words(text))
    end = _MARKUP.sub("", text[-200:]).rstrip()[-12:]
    stop = bool(_STOP.search(end) or _WIDE_STOP.search(end))
    for run in _runs(text):
        for size, reach in _reach(run) if source else []:
            if places := source.find(run[-size:], expected - size, reach):
                after = [at + size for at in places]
                # A stop that the source has not: "see Section 2." for "see Section 2, Tools."
                otherwise = stop and not source.stops(after[0] - 1)
                return otherwise or any(source.may_part(at) for at in after), after[0]
    return None, expected


def _runs(text: str) -> list[list[str]]:
    """The words without and with numbers of list items and markup, which a source may not have."""
    plain = _MARKUP.sub(" ", text)
    return [words(_MARKER.sub("", plain)), words(plain), words(text)]


def _reach(run: Sequence[str]) -> list[tuple[int, int]]:
    """Return _REACH for the run; a shorter run is looked up as a whole, and only close by."""
    return [one for one in _REACH if one[0] <= len(run)] or [(len(run), 200)] * bool(run)


def _joins(first: dict[str, Any] | None, second: dict[str, Any] | None, language: str) -> bool:
    """Whether the end of the first and the beginning of the second may be a boundary."""
    if first is None or second is None or first["heading"] != second["heading"]:
        return True
    head = second["text"].strip().split("\n")[0]
    tail = first["text"].strip().split("\n")[-1]
    if _ITEM.match(head) or _FIELD.match(head) or _ROW.match(tail) or _FENCE.match(tail):
        return True
    text = f"{tail} {head}"
    return sentence_ends(text, len(tail), len(tail) + 1, language)


def sentence_ends(text: str, end: int, start: int, language: str) -> bool:
    """Whether a sentence ends between the word that ends at `end` and the one at `start`.

    A witness that is no part of the product decides, and plain rules where it sees no end: a stop
    after which a word begins that is not in lower case, a stop of a script without spaces.
    """
    between = text[end:start]
    gap = len(between) - len(between.lstrip())
    for at in range(gap, len(between) + 1):
        left, right = text[: end + at].rstrip(), text[end + at : start + 1].lstrip()
        if _WIDE_STOP.search(left[-12:]):
            return True
        spaced = between[:at] != between[:at].rstrip()
        stop = _STOP.search(left[-12:]) and not _ABBREVIATION.search(left[-12:])
        if spaced and stop and not right[:1].islower():
            return True
    return any(end <= at <= start for at in _boundaries(text, language))


@lru_cache(maxsize=64)
def _boundaries(text: str, language: str) -> tuple[int, ...]:
    segmenter = _segmenter(language if language in _LANGUAGES else "en")
    at, found = 0, []
    for sentence in segmenter.segment(text):
        at = text.find(sentence, at) + len(sentence)
        found.append(len(text[:at].rstrip()))
    return tuple(found)


@lru_cache
def _segmenter(language: str) -> Any:
    with warnings.catch_warnings():  # its patterns have escapes that Python is to refuse one day
        warnings.simplefilter("ignore")
        import pysbd
    return pysbd.Segmenter(language=language, clean=False)


def plain_lines(text: str) -> list[str]:
    """The lines of a fragment that are not in a fence."""
    found, mark = [], ""
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if match and (not mark or (match[1].startswith(mark) and not match[2].strip())):
            mark = "" if mark else match[1]
        elif not mark:
            found.append(line)
        if match:
            found.append("")
    return found


def broken_fences(text: str) -> bool:
    """Whether a fence is opened and not closed, or the other way round."""
    mark = ""
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if match and not mark:
            mark = match[1]
        elif match and match[1].startswith(mark) and not match[2].strip():
            mark = ""
    return bool(mark)


def headless_tables(text: str) -> int:
    """Tables whose second line is not the rule under a header row."""
    count = 0
    rows: list[str] = []
    for line in [*plain_lines(text), ""]:
        if _ROW.match(line):
            rows.append(line)
            continue
        count += bool(rows) and not (len(rows) > 1 and _RULE.match(rows[1]))
        rows = []
    return count
