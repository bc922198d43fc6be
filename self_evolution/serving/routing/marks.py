"""The sentence of a passage that an answer rests on, and the words in it that say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from self_evolution.evaluation.agreement import stated
from self_evolution.evaluation.metrics.token_f1 import tokens
from self_evolution.text.function_words import FUNCTION_WORDS

_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\s*\n\s*")
_WORD = re.compile(r"[^\W_]+(?:[-./:][^\W_]+)*")


class Mark(NamedTuple):
    """A sentence of a passage: its offsets there, in characters, and its text.

    `spans` are the offsets within `sentence` of the values, or words, that the answer has too.
    """

    start: int
    end: int
    sentence: str
    spans: tuple[tuple[int, int], ...]


def mark(question: str, answer: str, text: str) -> Mark | None:
    """The sentence of `text` that has most of what the answer adds to the question.

    Among equals the one that has most of the question. None if no sentence has any of it.
    """
    asked = set(tokens(question)) - FUNCTION_WORDS
    values = {word for value in stated(question, answer) for word in tokens(value)}
    added = values or set(tokens(answer)) - asked - FUNCTION_WORDS
    best: tuple[int, int] = (0, 0)
    found: Mark | None = None
    for start, end in _sentences(text):
        words = [
            match
            for match in _WORD.finditer(text, start, end)
            if not added.isdisjoint(tokens(match[0]))
        ]
        there = set(tokens(text[start:end]))
        rank = (len(added & there), len(asked & there))
        if words and rank > best:
            spans = tuple((match.start() - start, match.end() - start) for match in words)
            best, found = rank, Mark(start, end, text[start:end], spans)
    return found


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for end in [*_END.finditer(text), None]:
        stop = end.start() if end else len(text)
        if text[start:stop].strip():
            yield start, stop
        start = end.end() if end else stop
