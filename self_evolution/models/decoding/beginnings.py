"""Finds the beginnings that several prompts share, and the steps in which prompts are read, from
token ids alone.

No model is needed here, so that the work can also be counted beforehand.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

WORTH = 128
"""A common beginning is read by itself only if this spares at least so many tokens."""

TOKENS_AT_ONCE = {"cpu": 1024}
"""Tokens that are read in one step, by kind of device; elsewhere ELSEWHERE."""

ELSEWHERE = 16384


class Known(NamedTuple):
    """The place where the beginning of a row was read before: the first `tokens` of `row` in
    `cache`."""

    cache: Any
    row: int
    tokens: int


def at_once(device: str) -> int:
    """The tokens that are read in one step on that kind of device."""
    return TOKENS_AT_ONCE.get(device, ELSEWHERE)


def to_read(
    rows: Sequence[list[int]], before: Sequence[list[int]], budget: int
) -> list[tuple[int, int]]:
    """The steps in which `read` would read these rows: (tokens, how far they look back).

    `before` are rows that were read before; `budget` is that of `at_once`. Nothing is read.
    """
    sources = [Rows(before)] if before else []
    steps: list[tuple[int, int]] = []
    beginnings = shared(rows, [one.tokens for one in look_up(rows, sources)])
    if beginnings:
        steps += to_read(beginnings, before, budget)
        sources.append(Rows(beginnings))
    fresh = [len(row) - one.tokens for row, one in zip(rows, look_up(rows, sources), strict=True)]
    order = sorted(range(len(rows)), key=lambda i: (fresh[i], rows[i]))
    for first, last in parts([fresh[i] for i in order], budget):
        longest = max(len(rows[i]) for i in order[first:last])
        steps.append(((last - first) * fresh[order[last - 1]], longest))
    return steps


class Rows(NamedTuple):
    """Rows that were read, in the place of a cache."""

    ids: Sequence[list[int]]


def parts(fresh: Sequence[int], budget: int) -> Iterator[tuple[int, int]]:
    """The rows that are read together, from first to last - 1: `fresh` tokens of each, ascending,
    padded to the longest, are at most `budget`."""
    first = 0
    while first < len(fresh):
        last = first + 1
        while last < len(fresh) and (last + 1 - first) * fresh[last] <= budget:
            last += 1
        yield first, last
        first = last


def shared(rows: Sequence[list[int]], known: Sequence[int]) -> list[list[int]]:
    """The longest beginnings of several rows that are worth reading once.

    `known[i]` tokens of row i were read before, so that they need not be read again in any case.
    """
    order = sorted(range(len(rows)), key=lambda i: rows[i])
    commons = [common(rows[a], rows[b]) for a, b in pairwise(order)]

    def within(first: int, last: int, outer: int) -> list[list[int]]:
        """The beginnings among the rows at places `first` to `last` - 1 of `order`.

        Their first `outer` tokens are common to more rows than these.
        """
        if last - first < 2:
            return []
        here = min(commons[first : last - 1])
        cuts = [i + 1 for i in range(first, last - 1) if commons[i] == here]
        found = [
            one for a, b in pairwise([first, *cuts, last]) for one in within(a, b, max(outer, here))
        ]
        anew = sorted(max(0, here - max(outer, known[i])) for i in order[first:last])
        if found or sum(anew[1:]) < WORTH:  # one of them has to be read
            return found
        return [rows[order[first]][:here]]

    return within(0, len(order), 0)


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """With how many equal tokens two rows begin."""
    size = min(len(one), len(other))
    if one[:size] == other[:size]:
        return size
    return next(i for i in range(size) if one[i] != other[i])


def look_up(rows: Sequence[list[int]], sources: Sequence[Any]) -> list[Known]:
    """Find where the longest beginning of each row was read before. The last token of a row is
    always read again.

    Of the `sources`, caches or what stands in their place, only the ids are looked at.
    """
    best = [Known(None, 0, 0)] * len(rows)
    for source in sources:
        order = sorted(range(len(source.ids)), key=lambda i: source.ids[i])
        texts = [source.ids[i] for i in order]
        for i, row in enumerate(rows):
            at = bisect_left(texts, row)
            for near in (at - 1, at):  # no other has more tokens in common with it
                if 0 <= near < len(texts):
                    tokens = min(common(texts[near], row), len(row) - 1)
                    if tokens > best[i].tokens:
                        best[i] = Known(source, order[near], tokens)
    return best
