"""What the answers to several wordings of one question have in common: the thing asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from self_evolution.text.function_words import FUNCTION_WORDS
from self_evolution.text.script import has_cjk
from self_evolution.text.words import cut

LONGEST = 8
"""Words of the longest phrase."""

LEAST = 2
"""Other texts that must have a phrase too: a single one shares words by chance."""

_WORD = re.compile(r"\S+")
_EDGES = ".,;:?!()[]{}\"'“”‘’«»…。，、；：？！（）《》「」"


class _Word(NamedTuple):
    """A word without the punctuation around it, at its place in the text; `key` compares."""

    start: int
    end: int
    key: str


def shared_phrases(text: str, others: Sequence[str], question: str) -> list[str]:
    """The phrases of `text` that LEAST of `others` have too, and the question has not, in order.

    Each is as long as it can be, LONGEST words at most, and neither begins nor ends with a word
    that carries no content. Letter case and punctuation around words do not count.
    """
    words, asked = _words(text), _grams(question)
    there = [_grams(other) for other in others]
    found: dict[str, None] = {}
    start = 0
    while start < len(words):
        for end in range(min(len(words), start + LONGEST), start, -1):
            keys = tuple(word.key for word in words[start:end])
            if (
                not FUNCTION_WORDS & {keys[0], keys[-1]}
                and keys not in asked
                and sum(keys in grams for grams in there) >= LEAST
            ):
                found[text[words[start].start : words[end - 1].end]] = None
                start = end
                break
        else:
            start += 1
    return list(found)


def leading(text: str, others: Sequence[str], question: str) -> str:
    """`text` with its shared phrases before it: "gnt-job watch. The log is shown by gnt-job watch."

    It stays as it is if it begins with them, or if they are half of it or more.
    """
    phrases = shared_phrases(text, others, question)
    if not phrases or 2 * sum(map(len, phrases)) >= len(text) or text.startswith(phrases[0]):
        return text
    return f"{'、'.join(phrases)}。{text}" if has_cjk(text) else f"{', '.join(phrases)}. {text}"


def _words(text: str) -> list[_Word]:
    spans = _segments(text) if has_cjk(text) else (one.span() for one in _WORD.finditer(text))
    words = []
    for start, end in spans:
        bare = text[start:end].lstrip(_EDGES)
        start = end - len(bare)
        bare = bare.rstrip(_EDGES)
        if bare.strip():
            words.append(_Word(start, start + len(bare), bare.casefold()))
    return words


def _segments(text: str) -> Iterator[tuple[int, int]]:
    end = 0
    for word in cut(text):
        start, end = end, end + len(word)
        yield start, end


@lru_cache(maxsize=4096)  # each answer is compared with all others about its passage
def _grams(text: str) -> frozenset[tuple[str, ...]]:
    keys = [word.key for word in _words(text)]
    return frozenset(
        tuple(keys[start:end])
        for start in range(len(keys))
        for end in range(start + 1, min(len(keys), start + LONGEST) + 1)
    )
