"""Attention of a model in 16 bits on a CPU: new tokens look back at keys and values in float32.

torch's attention of a single token takes three times as long in bfloat16 as in float32, because it
computes small products for which it has no fast code. Keys and values come from 16 bits in either
case; so float32 costs memory, and only makes the sums more exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sdpa_in_float32"
"""The name of this attention among those of transformers."""


def _attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **more: Any
) -> tuple[Tensor, None]:
    """Attention as transformers computes it: one token a row in the format of the keys, more of
    them in that of the query (B, heads, T, size)."""
    dtype = key.dtype if query.shape[2] == 1 else query.dtype
    output, _ = sdpa_attention_forward(
        module, query.to(dtype), key.to(dtype), value.to(dtype), mask, **more
    )
    return output.to(query.dtype), None


AttentionInterface.register(NAME, _attend)
AttentionMaskInterface.register(NAME, sdpa_mask)


def kept_dtype(model: Any) -> torch.dtype:
    """The number format in which keys and values of this model are kept.

    It is the model's own where a model calls torch's attention by itself, as Falcon does.
    """
    config = model.config.get_text_config(decoder=True)
    wide = (
        model.device.type == "cpu"
        and config._attn_implementation in ("sdpa", NAME)
        and getattr(model, "_supports_attention_backend", False)
    )
    return torch.float32 if wide else model.dtype


@contextmanager
def attention(model: Any) -> Iterator[None]:
    """Let a model attend to keys and values in their `kept_dtype`."""
    config = model.config.get_text_config(decoder=True)
    before = config._attn_implementation
    try:
        if kept_dtype(model) != model.dtype:
            config._attn_implementation = NAME
        yield
    finally:
        config._attn_implementation = before
