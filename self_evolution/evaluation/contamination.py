"""The contamination check: it finds pairs that repeat a test question.

A pair leaks in three cases. Its question says what a test question says: the same words in any
order, or nearly the same words with the same numbers, codes and names. Or question or answer
contain a whole test question. Or they share 13 words in a row (characters in CJK) with the question
or reference of an item, and these do not stand in the pair's own fragment: text of the document may
be quoted by both.

Items are found through an index of their words, so that a pair is compared with few of them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from self_evolution.evaluation.metrics.token_f1 import tokens
from self_evolution.records import Item, Message
from self_evolution.text.characters import plain_characters
from self_evolution.text.function_words import FUNCTION_WORDS
from self_evolution.text.markup import unmarked
from self_evolution.text.numerals import with_digits
from self_evolution.text.scanner import scan
from self_evolution.text.script import has_cjk
from self_evolution.text.token import Token
from self_evolution.text.units import unit
from self_evolution.text.values import may_agree

RUN = 13
"""The number of equal words (or CJK characters) in a row that is no coincidence (Brown et al.
2020, C)."""

LEAK, NEAR = 0.8, 0.5
"""Shares of common words (Jaccard, of multisets) from which a question leaks, or is near."""

SHORTEST = 5
"""The least number of words of a test question that is looked for inside other texts."""

_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")
_ASKING_WORDS = """tell give name state show please say know let want
请 问 吗 呢 什 么 哪 些 怎 样 多 少 几"""
_IDLE = FUNCTION_WORDS.union(_ASKING_WORDS.split())


class Match(NamedTuple):
    """The likeness of a pair and a test question. `how` describes a leak, and is empty if there is
    none.

    `share`: the share of the words of both questions that they have in common; 1 for a copy.
    """

    item: Item
    share: float
    how: str

    @property
    def leaks(self) -> bool:
        return bool(self.how)


class _Known(NamedTuple):
    """An item in the form in which it is compared."""

    item: Item
    words: Counter[str]
    said: _Said
    question: str


class ContaminationCheck:
    """All items of an evaluation, to compare pairs with."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._known = [_known(item) for item in items]
        self._rarity = Counter(word for one in self._known for word in one.words)
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._by_run: dict[tuple[str, ...], int] = {}
        self._by_start: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for place, one in enumerate(self._known):
            for word in self._rarest(one.words, NEAR):
                self._by_word[word].append(place)
            question = _plain(one.item.question)
            for text in (question, _plain(one.item.reference)):
                for run in _runs(text, RUN):
                    self._by_run.setdefault(run, place)
            if len(question) >= SHORTEST:
                self._by_start[tuple(question[:SHORTEST])].append(place)

    def match(self, question: str, answer: str, fragment: str = "") -> Match | None:
        """The item that the pair leaks, else the nearest one; None if none is near."""
        said = _said(question)
        words = _content(said.words)
        nearest: Match | None = None
        for place in self._candidates(words):
            one = self._known[place]
            share = _shared(words, one.words)
            alike = share == 1 or (share >= LEAK and said.names == one.said.names)
            if alike and not said.contradicts(one.said):
                return Match(one.item, share, f"{share:.0%} of the question's words")
            if share >= NEAR and (nearest is None or share > nearest.share):
                nearest = Match(one.item, share, "")
        return self._copied((said, _said(answer)), fragment) or nearest

    def leak(self, turns: Sequence[Message], fragment: str = "") -> Match | None:
        """The first item that any part of a conversation leaks; None if none does."""
        asked = ""
        for turn in turns:
            if turn["role"] == "user":
                asked = turn["content"]
            else:
                match = self.match(asked, turn["content"], fragment)
                if match and match.leaks:
                    return match
        return None

    def _candidates(self, words: Counter[str]) -> set[int]:
        """Indices of the items that can share NEAR of their words with these.

        If two sets share so much, the rarest words of one cannot all be missing from the other.
        """
        return {
            place for word in self._rarest(words, NEAR) for place in self._by_word.get(word, ())
        }

    def _rarest(self, words: Counter[str], share: float) -> list[str]:
        ordered = sorted(words, key=lambda word: (self._rarity[word], word))
        total = words.total()
        found, left = [], total
        for word in ordered:
            if left < share * total:
                break
            found.append(word)
            left -= words[word]
        return found

    def _copied(self, texts: Iterable[_Said], fragment: str) -> Match | None:
        source: str | None = None
        for said in texts:
            text = said.words
            for run in _runs(text, RUN):
                place = self._by_run.get(run)
                if place is None:
                    continue
                source = _joined(_plain(fragment)) if source is None else source
                if _joined(run) not in source:
                    return Match(self._known[place].item, 1.0, f"{RUN} words in a row")
            whole = _joined(text)
            for start in _runs(text, SHORTEST):
                for place in self._by_start.get(start, ()):
                    known = self._known[place]
                    if known.question in whole and not said.contradicts(known.said):
                        return Match(known.item, 1.0, "the whole question")
        return None


def names(question: str) -> frozenset[str]:
    """The numbers, codes and names in a question."""
    return _said(question).names


def _known(item: Item) -> _Known:
    said = _said(item.question)
    return _Known(item, _content(said.words), said, _joined(said.words))


def _plain(text: str) -> Sequence[str]:
    return _said(text).words


def _joined(words: Sequence[str]) -> str:
    return f" {' '.join(words)} "


def _runs(words: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[i : i + size]) for i in range(len(words) - size + 1))


def _content(words: Sequence[str]) -> Counter[str]:
    """Count the content words, or all words if there are no content words."""
    # 10.42.16.1 counts as four, so that an address torn apart still has all its words.
    counted = Counter(part for word in words for part in word.split("."))
    content = Counter({word: n for word, n in counted.items() if word not in _IDLE})
    return content or counted


class _Said(NamedTuple):
    """The words and names of a text, and its numbers as {compared form: token}.

    Numbers among the words are in one form. Names are numbers, codes, Latin words in CJK text, and
    in other text words with a capital letter, except the first word.
    """

    words: list[str]
    names: frozenset[str]
    numbers: dict[str, Token]

    def contradicts(self, other: _Said) -> bool:
        """Whether a number has another unit or bound here: 5 m² and 5 m³, ≥ 5 and ≤ 5."""
        return any(
            not may_agree(number, other.numbers[key])
            for key, number in self.numbers.items()
            if key in other.numbers
        )


def _in_one_form(text: str) -> Iterator[str]:
    """The words of a text. A unit that stands alone gets the form it has behind a number, so that
    the order of words does not matter."""
    for word in tokens(text):
        name = unit(word) if word.isascii() else None
        yield from tokens(name) if name else (word,)


def _said(text: str) -> _Said:
    text = plain_characters(unmarked(with_digits(text)))
    words: list[str] = []
    names: set[str] = set()
    numbers: dict[str, Token] = {}
    cjk = has_cjk(text)
    place = 0
    for value in (*scan(text), Token("end", "", len(text), len(text))):
        number = value.kind == "number"
        before = value.head if number else value.start
        for found in _NAME.finditer(text, place, before):
            if cjk or (found[0] != found[0].lower() and text[: found.start()].strip()):
                names.add(found[0].rstrip(".-").casefold())
        words += _in_one_form(text[place:before])
        if number:
            numbers.setdefault(value.key, value)
            behind = text[value.tail : value.end]
            words += [value.key, *(tokens(behind) if has_cjk(behind) else tokens(value.unit))]
        else:
            words += tokens(value.key)
        if value.key:
            names.add(value.key)
        place = value.end
    return _Said(words, frozenset(names), numbers)


def _shared(one: Counter[str], other: Counter[str]) -> float:
    common = (one & other).total()
    return common / (one.total() + other.total() - common) if common else 0.0
