"""ROUGE-1, ROUGE-2 and ROUGE-L over jieba words, as the package rouge-chinese 1.0.3 gives them.

The published evaluation calls `Rouge().get_scores(" ".join(jieba.cut(prediction)),
" ".join(jieba.cut(reference)))`. What that computes differs from Lin 2004: n-grams are counted
as sets, not as multisets, and cross sentence ends; ROUGE-L is one plain longest common
subsequence over the whole texts; the F1 has 1e-8 in its denominator. All of it is kept, except
that an empty text scores 0, where the package raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

from self_evolution.evaluation.metrics.metric import Graded, Metric
from self_evolution.text.words import cut

_SENTENCE_ENDS = (
    (re.compile(r"([。！？?])([^”’])"), r"\1\n\2"),
    (re.compile(r"(\.{6})([^”’])"), r"\1\n\2"),
    (re.compile(r"(…{2})([^”’])"), r"\1\n\2"),
    (re.compile(r"([。！？?][”’])([^，。！？?])"), r"\1\n\2"),
)


# The three metrics ask for the same two texts one after the other: a small cache is enough.
@lru_cache(maxsize=64)
def rouge_words(text: str) -> tuple[str, ...]:
    """The words rouge-chinese counts in `text`; none for blank text.

    A line of spaces within the text counts as one empty word: the package splits each line at
    single spaces, and the published values include it.
    """
    joined = " ".join(cut(text))
    for pattern, replacement in _SENTENCE_ENDS:
        joined = pattern.sub(replacement, joined)
    lines = [" ".join(line.split()) for line in joined.rstrip().split("\n") if line]
    return tuple(word for line in lines for word in line.split(" "))


def lcs_length(left: Sequence[str], right: Sequence[str]) -> int:
    """Length of the longest common subsequence.

    Bit-parallel (Hyyrö 2004, "Bit-parallel LCS-length computation revisited"): a zero bit of
    `row` at i says that the LCS grows at left[i]. One big-integer step a word of `right`, thus
    O(len(left) * len(right) / 64), where the usual table in Python takes minutes on long texts.
    """
    places: dict[str, int] = {}
    for index, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << index
    full = (1 << len(left)) - 1
    row = full
    for word in right:
        matches = row & places.get(word, 0)
        row = ((row + matches) | (row - matches)) & full
    return len(left) - row.bit_count()


def _f1(overlap: int, predicted: int, expected: int) -> float:
    if not overlap:
        return 0.0
    precision, recall = overlap / predicted, overlap / expected
    return 100.0 * 2.0 * precision * recall / (precision + recall + 1e-8)


def rouge_n(pair: Graded, n: int) -> float:
    """F1 in percent of the sets of word n-grams; 0 where either text is blank."""
    predicted, expected = (
        {words[start : start + n] for start in range(len(words) - n + 1)}
        for words in (rouge_words(pair.prediction), rouge_words(pair.reference))
    )
    return _f1(len(predicted & expected), len(predicted), len(expected))


def rouge_l(pair: Graded) -> float:
    """F1 in percent of the longest common subsequence of words; 0 where either text is blank."""
    predicted, expected = rouge_words(pair.prediction), rouge_words(pair.reference)
    return _f1(lcs_length(expected, predicted), len(predicted), len(expected))


def _metric(name: str, compute: Callable[[Graded], float], charted: bool = False) -> Metric:
    settings = ("f1", "words", "as:rouge-chinese-1.0.3")
    return Metric(name, settings, compute, libraries=("jieba",), charted=charted)


ROUGE_1 = _metric("rouge-1", partial(rouge_n, n=1))
ROUGE_2 = _metric("rouge-2", partial(rouge_n, n=2))
ROUGE_L = _metric("rouge-l", rouge_l, charted=True)
