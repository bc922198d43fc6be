"""Reading prompts: tokens with which several of them begin are read once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from self_evolution.models.cache import Columns

WORTH = 128
"""So many tokens must be spared for a common beginning to be read by itself."""

TOKENS_AT_ONCE = {"cpu": 1024}
"""Tokens that are read in one step, by kind of device; elsewhere ELSEWHERE."""

ELSEWHERE = 16384

OnTokens = Callable[[int], None]
"""Called with the number of tokens that were read or generated in a step."""


class Known(NamedTuple):
    """Where the beginning of a row was read before: so many tokens of a row in a cache."""

    cache: Columns | None
    row: int
    tokens: int


def read(
    model: Any,
    rows: Sequence[list[int]],
    sources: Sequence[Columns],
    room: int,
    on_tokens: OnTokens,
) -> tuple[Columns, list[int], Tensor]:
    """Read `rows` of token ids: (the cache, the row of each place in it, logits after each (B, V)).

    `sources` are caches of what was read before. The cache has `room` columns for tokens
    that are generated later. Which rows are read together follows from their ids alone.
    """
    beginnings = shared(rows, [one.tokens for one in _look_up(rows, sources)])
    if beginnings:
        sources = [*sources, read(model, beginnings, sources, 0, on_tokens)[0]]
    known = _look_up(rows, sources)
    fresh = [len(row) - one.tokens for row, one in zip(rows, known, strict=True)]
    order = sorted(range(len(rows)), key=lambda i: (fresh[i], rows[i]))
    width = max(map(len, rows))
    cache = Columns(model, len(rows), width + room)
    cache.ids = [list(rows[i]) for i in order]
    cache.starts = [width - len(rows[i]) for i in order]
    budget = TOKENS_AT_ONCE.get(model.device.type, ELSEWHERE)
    logits: list[Tensor] = []
    first = 0
    while first < len(order):
        last = first + 1
        while last < len(order) and (last + 1 - first) * fresh[order[last]] <= budget:
            last += 1
        part = [known[i] for i in order[first:last]]
        logits.append(_read_part(model, cache, first, part, fresh[order[last - 1]], width))
        on_tokens((last - first) * fresh[order[last - 1]])
        first = last
    view = cache.view
    view.first, view.last, view.start, view.end = 0, len(rows), min(cache.starts), width
    return cache, order, torch.cat(logits)


def _read_part(
    model: Any, cache: Columns, first: int, known: Sequence[Known], fresh: int, width: int
) -> Tensor:
    """Read the last `fresh` tokens of a part of the rows; what is before them is taken over."""
    last = first + len(known)
    starts, end = cache.starts[first:last], width - fresh
    for source in {id(one.cache): one.cache for one in known if one.cache}.values():
        mine = [i for i, one in enumerate(known) if one.cache is source and starts[i] < end]
        if mine:
            cache.take([first + i for i in mine], source, [known[i].row for i in mine], end)
    view = cache.view
    view.first, view.last, view.start, view.end = first, last, min(*starts, end), end
    device = model.device
    ids = torch.tensor(
        [[0] * (fresh - len(row)) + row[-fresh:] for row in cache.ids[first:last]], device=device
    )
    columns = torch.arange(view.start, width, device=device)
    begins = torch.tensor(starts, device=device).unsqueeze(1)
    return forward(model, cache, ids, columns, begins)


def forward(model: Any, cache: Columns, ids: Tensor, columns: Tensor, begins: Tensor) -> Tensor:
    """Logits (B, V) in float32 after `ids` (B, T), which stand in the last T of `columns`.

    A row begins in the column of `begins` (B, 1).
    """
    mask = columns >= begins
    positions = (columns[-ids.shape[1] :] - begins).clamp(min=0)
    output = model(
        input_ids=ids,
        attention_mask=None if bool(mask.all()) else mask.long(),
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    cache.view.end += ids.shape[1]
    logits: Tensor = output.logits[:, -1].float()
    return logits


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


def _look_up(rows: Sequence[list[int]], sources: Sequence[Columns]) -> list[Known]:
    """Where the longest beginning of each row was read; its last token is always read anew."""
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
