"""Reading prompts: tokens with which several of them begin are read once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from self_evolution.meter import Kind
from self_evolution.models.decoding.beginnings import Known, at_once, look_up, parts, shared
from self_evolution.models.decoding.cache import Columns

OnTokens = Callable[[int, Kind, int], None]
"""Called after each step, as `meter.pulse` is."""


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
    beginnings = shared(rows, [one.tokens for one in look_up(rows, sources)])
    if beginnings:
        sources = [*sources, read(model, beginnings, sources, 0, on_tokens)[0]]
    known = look_up(rows, sources)
    fresh = [len(row) - one.tokens for row, one in zip(rows, known, strict=True)]
    order = sorted(range(len(rows)), key=lambda i: (fresh[i], rows[i]))
    width = max(map(len, rows))
    cache = Columns(model, [list(rows[i]) for i in order], room)
    logits: list[Tensor] = []
    for first, last in parts([fresh[i] for i in order], at_once(model.device.type)):
        part = [known[i] for i in order[first:last]]
        logits.append(_read_part(model, cache, first, part, fresh[order[last - 1]], width))
        on_tokens((last - first) * fresh[order[last - 1]], "read", width - cache.view.start)
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
