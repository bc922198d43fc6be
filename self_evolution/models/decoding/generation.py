"""One batch of replies. Common beginnings are read once, and a finished row leaves the batch.

transformers' own `generate` reads each prompt by itself, grows its cache by copying it at each
token, and goes on with all rows until the longest reply ends. It is used for those models alone
whose memory is of another kind (`cache.keeps_all`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, StoppingCriteria

from self_evolution.models.decoding.attention import attention
from self_evolution.models.decoding.cache import Columns, keeps_all
from self_evolution.models.decoding.reading import OnTokens, forward, read
from self_evolution.models.decoding.sampling import Sampler, likeliest
from self_evolution.models.protocols import SamplingParams
from self_evolution.models.reply import TopLogprobs

OnIds = Callable[[list[list[int]]], None]
"""A function called after each step with the tokens generated so far, one list for each row."""


class Request(NamedTuple):
    """What to generate: rows of token ids, with a seed for each, each up to one of the `stops`."""

    rows: Sequence[list[int]]
    params: SamplingParams
    seeds: Sequence[int]
    stops: Sequence[int]
    pad: int


class Batch(NamedTuple):
    """The tokens of each row, `top` as long if asked for, and what was read and generated."""

    ids: list[list[int]]
    top: list[TopLogprobs] | None
    cache: Columns | None = None


def _nothing(*_: Any) -> None:
    """Tell nobody."""


@torch.inference_mode()
def generate(
    model: Any,
    request: Request,
    sources: list[Columns],
    on_ids: OnIds | None = None,
    on_tokens: OnTokens = _nothing,
) -> Batch:
    """Continue the rows of a request. No global random state is read or changed.

    `sources` are caches of what the same weights have read before; they are given up (the list is
    emptied) as soon as their beginnings are taken over.
    """
    if not keeps_all(model):
        return _plainly(model, request, on_ids, on_tokens)
    with attention(model):
        return _generate(model, request, sources, on_ids, on_tokens)


def _generate(
    model: Any,
    request: Request,
    sources: list[Columns],
    on_ids: OnIds | None,
    on_tokens: OnTokens,
) -> Batch:
    rows, params, seeds, stops, _ = request
    sampler = Sampler(params, seeds, model.device)
    cache, order, logits = read(model, rows, sources, params.max_tokens, on_tokens)
    sources.clear()
    view = cache.view
    ids: list[list[int]] = [[] for _ in rows]
    top: list[TopLogprobs] = [[] for _ in rows]
    for step in range(params.max_tokens):
        live = order[: view.last]
        if params.logprobs:
            for i, likely in zip(live, likeliest(logits, params.logprobs), strict=True):
                top[i].append(likely)
        chosen = sampler.choose(logits, live, step).tolist()
        for i, token in zip(live, chosen, strict=True):
            ids[i].append(token)
        if on_ids:
            on_ids(ids)
        for place in reversed(range(view.last)):
            if chosen[place] in stops:
                view.last -= 1
                for column in (order, chosen):
                    column[place], column[view.last] = column[view.last], column[place]
                if place != view.last:
                    cache.exchange(place, view.last)
        if view.last == 0 or step + 1 == params.max_tokens:
            break
        logits = _step(model, cache, chosen[: view.last])
        on_tokens(view.last, "write", view.end - view.start)
    return Batch(ids, top if params.logprobs else None, cache)


def _step(model: Any, cache: Columns, tokens: Sequence[int]) -> Tensor:
    """Read one more token of each row that is left."""
    view, device = cache.view, model.device
    for i, token in enumerate(tokens):
        cache.ids[i].append(token)
    starts = cache.starts[: view.last]
    view.start = min(starts)
    columns = torch.arange(view.start, view.end + 1, device=device)
    begins = torch.tensor(starts, device=device).unsqueeze(1)
    return forward(model, cache, torch.tensor(tokens, device=device).unsqueeze(1), columns, begins)


def _plainly(model: Any, request: Request, on_ids: OnIds | None, on_tokens: OnTokens) -> Batch:
    """Continue the rows with transformers' own `generate`: all rows stay to the end."""
    rows, params, seeds, stops, pad = request
    longest = max(map(len, rows))
    ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    choice = _Choice(Sampler(params, seeds, model.device), params.logprobs, longest)
    output = model.generate(
        input_ids=ids.to(model.device),
        attention_mask=mask.to(model.device),
        generation_config=GenerationConfig(
            max_new_tokens=params.max_tokens,
            eos_token_id=list(stops) or None,
            pad_token_id=pad,
            use_cache=True,
            do_sample=False,
        ),
        logits_processor=[choice],
        stopping_criteria=[_Watch(longest, on_ids or _nothing, on_tokens)],
    )
    return Batch(output[:, longest:].tolist(), choice.top if params.logprobs else None)


class _Choice(LogitsProcessor):  # type: ignore[misc]
    """Chooses the tokens of `generate`: it makes all others impossible."""

    def __init__(self, sampler: Sampler, logprobs: int, start: int) -> None:
        self._sampler, self._logprobs, self._start = sampler, logprobs, start
        self.top: list[TopLogprobs] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Logits (B, V) -> (B, V), where all but one token a row are -inf."""
        places = range(len(scores))
        self.top = self.top or [[] for _ in places]
        if self._logprobs:
            for i, likely in zip(places, likeliest(scores, self._logprobs), strict=True):
                self.top[i].append(likely)
        chosen = self._sampler.choose(scores, places, input_ids.shape[1] - self._start)
        return torch.full_like(scores, -torch.inf).scatter(
            1, chosen.unsqueeze(1).to(scores.device), 0.0
        )


class _Watch(StoppingCriteria):  # type: ignore[misc]
    """Reports each step, and never stops the generation."""

    def __init__(self, start: int, on_ids: OnIds, on_tokens: OnTokens) -> None:
        self._start, self._on_ids, self._on_tokens = start, on_ids, on_tokens

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: Any) -> Tensor:
        self._on_ids(input_ids[:, self._start :].tolist())
        first = input_ids.shape[1] == self._start + 1
        size = len(input_ids)
        self._on_tokens(
            size * self._start if first else size, "read" if first else "write", input_ids.shape[1]
        )
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
