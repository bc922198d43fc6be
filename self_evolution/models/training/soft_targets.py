"""Soft targets: what the base, with the passage in its prompt, says at each token of an answer.

Of its distribution, the TOP most likely tokens are kept, and the probability of all others
together. They stand in one row of numbers a token: the ids of these tokens, then the logarithms of
their probabilities, and last that of the others. (In float32 an id is exact up to 2**24.)

This is prompt distillation (Kujanpää et al. 2024, arXiv 2412.14964) with sparse targets.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from self_evolution.models.training.job import TOP


def soft_targets(logits: Tensor) -> Tensor:
    """The rows (N, SOFT_NUMBERS) in float32 of a teacher with these logits (N, V)."""
    ids = logits.topk(TOP).indices
    return torch.cat([ids.float(), _parts(logits, ids)], 1)


def divergence(logits: Tensor, targets: Tensor) -> Tensor:
    """KL(teacher || model) of the distributions over TOP tokens and all others together.

    The sum over N tokens, in nats, for the model's `logits` (N, V) and the teacher's `targets`. It
    is never more than the divergence of the whole distributions.
    """
    top = targets.shape[1] // 2
    ids, teacher = targets[:, :top].long(), targets[:, top:]
    return kl_div(_parts(logits, ids), teacher, reduction="sum", log_target=True)


def _parts(logits: Tensor, ids: Tensor) -> Tensor:
    """Log-probabilities (N, k + 1) of the tokens `ids` (N, k), and of all others together."""
    logs = log_softmax(logits, -1)
    others = logs.scatter(1, ids, -torch.inf).logsumexp(-1, keepdim=True)
    return torch.cat([logs.gather(1, ids), others], 1)
