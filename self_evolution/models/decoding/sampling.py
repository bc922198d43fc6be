"""Choosing the next token, for each row with random numbers of its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from self_evolution.models.protocols import SamplingParams
from self_evolution.models.reply import TopLogprobs

LIKELIEST = 256
"""The nucleus nearly always lies within so many of the likeliest tokens. Where it does not, the
whole vocabulary is sorted."""


class Sampler:
    """Draws tokens. What a row draws follows from its own seed, its logits and the step alone."""

    def __init__(self, params: SamplingParams, seeds: Sequence[int], device: torch.device) -> None:
        self._params = params
        self._chances = torch.empty(0)
        if params.temperature > 0:
            states = [torch.Generator().manual_seed(seed) for seed in seeds]
            chances = [
                torch.rand(params.max_tokens, generator=state, dtype=torch.float64)
                for state in states
            ]
            # MPS has no float64, which the sums over a vocabulary need.
            self._chances = torch.stack(chances).to("cpu" if device.type == "mps" else device)

    def choose(self, logits: Tensor, rows: Sequence[int], step: int) -> Tensor:
        """The next tokens (n,) of `rows`, from their logits (n, V) in float32."""
        if self._params.temperature == 0:
            return logits.argmax(-1)
        chances = self._chances[list(rows), step].unsqueeze(1)
        logits = logits.to(chances.device) / self._params.temperature
        if self._params.top_p == 1:
            return _draw(logits.softmax(-1), chances)
        total = logits.logsumexp(-1, keepdim=True)
        size = min(LIKELIEST, logits.shape[-1])
        likely, ids = logits.topk(size)
        drawn, inside = _draw_from_nucleus((likely - total).exp(), chances, self._params.top_p)
        chosen = ids.gather(1, drawn).squeeze(1)
        wide = (~inside).nonzero().squeeze(1)
        if len(wide) and size < logits.shape[-1]:
            likely, ids = logits[wide].sort(descending=True, stable=True)
            drawn, _ = _draw_from_nucleus(
                (likely - total[wide]).exp(), chances[wide], self._params.top_p
            )
            chosen[wide] = ids.gather(1, drawn).squeeze(1)
        return chosen


def _draw(probabilities: Tensor, chances: Tensor) -> Tensor:
    """The place (n,) in which the sum of the probabilities (n, V) first exceeds a chance (n, 1)."""
    sums = probabilities.double().cumsum(-1)
    places = torch.searchsorted(sums, chances * sums[:, -1:], right=True)
    return places.clamp(max=probabilities.shape[-1] - 1).squeeze(1)


def _draw_from_nucleus(
    probabilities: Tensor, chances: Tensor, top_p: float
) -> tuple[Tensor, Tensor]:
    """(places drawn (n, 1), whether the nucleus ends within the `probabilities` given (n,)).

    The probabilities (n, k) of a row fall from left to right. Its nucleus are the likeliest tokens
    up to the one with which their sum reaches `top_p`.
    """
    sums = probabilities.double().cumsum(-1)
    size = (sums < top_p).sum(-1, keepdim=True)  # how many come before its last
    inside = (size < probabilities.shape[-1]).squeeze(1)
    size = size.clamp(max=probabilities.shape[-1] - 1)
    places = torch.searchsorted(sums, chances * sums.gather(1, size), right=True)
    return torch.minimum(places, size), inside


def likeliest(logits: Tensor, count: int) -> TopLogprobs:
    """The `count` likeliest tokens of each row of logits (n, V), with log-probabilities."""
    values, ids = logits.log_softmax(-1).topk(min(count, logits.shape[-1]))
    rows = zip(ids.tolist(), values.tolist(), strict=True)
    return [list(zip(*row, strict=True)) for row in rows]
