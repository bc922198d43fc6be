"""One batch of replies by transformers' `generate`, with a random generator of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)

from self_evolution.models.protocols import SamplingParams
from self_evolution.models.reply import TopLogprobs

OnIds = Callable[[list[list[int]]], None]
"""A function called after each step with the tokens generated so far, one list for each row."""


class Batch(NamedTuple):
    """The tokens of each row: `ids` padded to the longest reply, and `top` as long if asked for."""

    ids: list[list[int]]
    top: list[TopLogprobs] | None


@torch.inference_mode()
def generate(
    model: Any,
    rows: Sequence[list[int]],
    params: SamplingParams,
    seed: int,
    stops: Sequence[int],
    pad: int,
    on_ids: OnIds | None = None,
) -> Batch:
    """Continue `rows` of token ids, each up to one of the `stops`; the rest is padding.

    Draws the tokens that `do_sample=True` would after `torch.manual_seed(seed)`, but neither reads
    nor changes the global random state.
    """
    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), pad)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):  # padded on the left
        ids[i, longest - len(row) :] = torch.tensor(row)
        mask[i, longest - len(row) :] = 1
    processors = LogitsProcessorList()
    watch = _TopLogprobs(params.logprobs)
    if params.logprobs:
        processors.append(watch)
    if params.temperature > 0:
        processors.append(TemperatureLogitsWarper(params.temperature))
        if params.top_p < 1:
            processors.append(TopPLogitsWarper(params.top_p))
        processors.append(_Draw(torch.Generator(model.device).manual_seed(seed)))
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
        logits_processor=processors,
        stopping_criteria=StoppingCriteriaList([_Watch(longest, on_ids)] if on_ids else []),
    )
    top = [watch.row(i) for i in range(len(rows))] if params.logprobs else None
    return Batch(output[:, longest:].tolist(), top)


class _Draw(LogitsProcessor):  # type: ignore[misc]
    """Draws a token from each distribution and makes all others impossible."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Logits (B, V) -> (B, V), where all but one token a row are -inf."""
        drawn = torch.multinomial(scores.softmax(-1), 1, generator=self._generator)
        return torch.full_like(scores, -torch.inf).scatter(1, drawn, 0.0)


class _TopLogprobs(LogitsProcessor):  # type: ignore[misc]
    """Records the `k` most likely tokens of each step; it runs before anything changes the
    logits."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._steps: list[tuple[list[list[int]], list[list[float]]]] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        values, ids = scores.log_softmax(-1).topk(min(self._k, scores.shape[-1]))
        self._steps.append((ids.tolist(), values.tolist()))
        return scores

    def row(self, i: int) -> TopLogprobs:
        return [list(zip(ids[i], values[i], strict=True)) for ids, values in self._steps]


class _Watch(StoppingCriteria):  # type: ignore[misc]
    """Reports each step and never stops the generation."""

    def __init__(self, start: int, on_ids: OnIds) -> None:
        self._start, self._on_ids = start, on_ids

    def __call__(self, input_ids: Tensor, scores: Tensor, **_: Any) -> Tensor:
        self._on_ids(input_ids[:, self._start :].tolist())
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
