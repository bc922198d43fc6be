"""The overlap of passages: how much of one repeats the end of the one before it."""

from __future__ import annotations

_FEWEST = 20  # characters: least overlap; a shorter one may be chance
_FEWEST_WIDE = 10  # the same in Chinese, Japanese or Korean, where a character says more


def overlap(before: str, text: str) -> int:
    """Length of the longest end of `before` that `text` begins with, and is more than.

    0 if that is too short to be no chance. In time linear in the shorter one (Knuth, Morris and
    Pratt 1977), and at once where the beginning of `text` is nowhere in it.
    """
    size = min(len(before), len(text))
    tail = before[len(before) - size :]
    at = tail.find(text[:_FEWEST_WIDE]) if size >= _FEWEST_WIDE else -1
    if at < 0:
        return 0
    if tail.endswith(text[: size - at]) and size - at < len(text):
        length = size - at  # the first place is the longest one, and the usual one
    else:
        length = _border(text[:size], tail)
    if length == len(text):
        return 0
    wide = length >= _FEWEST_WIDE and sum(c > "\u2e7f" for c in text[:length]) >= _FEWEST_WIDE
    return length if length >= _FEWEST or wide else 0


def _border(pattern: str, tail: str) -> int:
    """Length of the longest beginning of `pattern` that `tail` ends with."""
    joined = [*pattern, None, *tail]  # None is no character, so no beginning reaches over it
    shorter = [0] * len(joined)
    length = 0
    for i in range(1, len(joined)):
        while length and joined[i] != joined[length]:
            length = shorter[length - 1]
        length += joined[i] == joined[length]
        shorter[i] = length
    return length
