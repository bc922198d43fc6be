"""The loss of training: likelihood of the answers, and nearness to the base on rehearsal.

In a rehearsed conversation nothing new is to be learnt. There the target is all that the base
would say, its whole distribution at each token of the answer: KL(base || tuned), which is 0 as
long as nothing was forgotten. The base is the same model with its adapter off, so it costs a
forward pass and no memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax
from torch.utils.checkpoint import checkpoint

from self_evolution.models.likelihood import Likelihood
from self_evolution.models.training import IGNORED


class Batch(NamedTuple):
    """Examples padded on the right: token ids, mask and labels (B, T), and which are rehearsal."""

    ids: Tensor
    mask: Tensor
    labels: Tensor
    rehearsed: Tensor

    @property
    def wanted(self) -> Tensor:
        """The label of the next token at each place (B, T)."""
        ends = self.labels.new_full((len(self.labels), 1), IGNORED)
        return torch.cat([self.labels[:, 1:], ends], dim=1)

    def rows(self, chosen: Tensor) -> Batch:
        """The examples in the mask `chosen` (B)."""
        return Batch(*(part[chosen] for part in self))


class Objective:
    """Sums over the target tokens of a batch, in nats, that can be differentiated.

    Logits are there for one tile of these tokens at a time, and are made again for the gradient.
    """

    def __init__(self, tuned: Any, outputs: Likelihood) -> None:
        """`tuned` is the PEFT model around the one that `outputs` reads."""
        self._tuned, self._outputs = tuned, outputs

    def loss(self, batch: Batch, weight: float) -> Tensor:
        """NLL of the answers, and on rehearsal `weight` times the divergence in its place."""
        wanted = batch.wanted
        chosen = wanted != IGNORED
        base = None
        if batch.rehearsed.any():
            base = self._base_states(batch.rows(batch.rehearsed))
        states = self._outputs.states(batch.ids, batch.mask, chosen)
        rehearsed = batch.rehearsed.unsqueeze(1).expand_as(chosen)[chosen]
        loss = self._sum(self._nll, states[~rehearsed], wanted[chosen][~rehearsed])
        if base is None:
            return loss
        return loss + weight * self._sum(self._kl, states[rehearsed], base)

    def divergence(self, batch: Batch) -> Tensor:
        """KL(base || tuned) at all answers, rehearsed or not."""
        states = self._outputs.states(batch.ids, batch.mask, batch.wanted != IGNORED)
        return self._sum(self._kl, states, self._base_states(batch))

    @torch.no_grad()
    def _base_states(self, batch: Batch) -> Tensor:
        """The base's states at the answers, without dropout."""
        training = self._tuned.training
        self._tuned.eval()
        try:
            with self._tuned.disable_adapter():
                return self._outputs.states(batch.ids, batch.mask, batch.wanted != IGNORED)
        finally:
            self._tuned.train(training)

    def _nll(self, states: Tensor, wanted: Tensor) -> Tensor:
        return cross_entropy(self._outputs.logits(states), wanted, reduction="sum")

    def _kl(self, states: Tensor, base: Tensor) -> Tensor:
        tuned, target = (log_softmax(self._outputs.logits(one), -1) for one in (states, base))
        return kl_div(tuned, target, reduction="sum", log_target=True)

    def _sum(self, loss: Callable[[Tensor, Tensor], Tensor], *parts: Tensor) -> Tensor:
        """The sum of `loss` over tiles of two tensors with a row a token."""
        split = (torch.split(part, self._outputs.tile) for part in parts)
        tiles = list(zip(*split, strict=True))
        if len(tiles) == 1:
            return loss(*tiles[0])
        losses = [checkpoint(loss, *tile, use_reentrant=False) for tile in tiles]
        return torch.stack(losses).sum()
