"""Keys and values of the tokens that a model has read, in memory that is set aside once.

Rows are aligned on the right: all prompts of a batch end in the same column, and what is generated
follows. So a row is never interrupted by padding, which windows of attention need.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from self_evolution.models.decoding.attention import kept_dtype


class View:
    """The part of the memory that a model works on: rows `first` to `last`, columns from `start`.

    What it reads is written from column `end` on; the caller moves `end` after each step. All rows
    have begun in column `begun`.
    """

    def __init__(self, rows: int, begun: int) -> None:
        self.first, self.last, self.begun = 0, rows, begun
        self.start = self.end = 0


class Layer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values (rows, heads, columns, size), of which a view is in use."""

    def __init__(self, view: View, rows: int, columns: int, dtype: torch.dtype) -> None:
        super().__init__()
        self._view, self._shape, self.dtype = view, (rows, columns), dtype

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        # A row has zeros before its beginning, and not what happens to be in memory: a masked NaN
        # would still spoil a sum. All columns from `begun` on are written before they are read.
        rows, columns = self._shape
        for name, states in (("keys", key_states), ("values", value_states)):
            _, heads, _, size = states.shape
            made = states.new_empty(rows, heads, columns, size, dtype=self.dtype)
            made[:, :, : self._view.begun] = 0
            setattr(self, name, made)
        self.device = key_states.device
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any
    ) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        view = self._view
        rows, end = slice(view.first, view.last), view.end + key_states.shape[-2]
        self.keys[rows, :, view.end : end] = key_states
        self.values[rows, :, view.end : end] = value_states
        return self.keys[rows, :, view.start : end], self.values[rows, :, view.start : end]

    def get_seq_length(self) -> int:
        return self._view.end - self._view.start

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.get_seq_length() + query_length, 0


class Columns(Cache):  # type: ignore[misc]
    """The cache of a batch. `ids` are the tokens in it, row by row; row i begins in `starts[i]`.

    There are `room` columns for tokens that come after those that are in `ids` at first.
    """

    def __init__(self, model: Any, ids: list[list[int]], room: int) -> None:
        width = max(map(len, ids))
        self.ids, self.starts = ids, [width - len(row) for row in ids]
        self.view = View(len(ids), max(self.starts))
        layers = model.config.get_text_config(decoder=True).num_hidden_layers
        dtype = kept_dtype(model)
        size = (len(ids), width + room)
        super().__init__(layers=[Layer(self.view, *size, dtype) for _ in range(layers)])

    @property
    def numbers(self) -> int:
        """How many numbers are kept, memory that was set aside and never used included."""
        return sum(layer.keys.numel() + layer.values.numel() for layer in self.layers)

    def take(self, rows: Sequence[int], source: Columns, places: Sequence[int], end: int) -> None:
        """Copy the beginnings of rows `places` of `source` into `rows`, up to column `end`."""
        cuts = []
        for row, place in zip(rows, places, strict=True):
            first, other_first = self.starts[row], source.starts[place]
            size = end - first
            cuts.append((row, slice(first, end), place, slice(other_first, other_first + size)))
        for layer, other in zip(self.layers, source.layers, strict=True):
            if not layer.is_initialized:
                layer.lazy_initialization(other.keys, other.values)
            for to, of in ((layer.keys, other.keys), (layer.values, other.values)):
                for row, mine, place, theirs in cuts:
                    to[row, :, mine] = of[place, :, theirs]

    def exchange(self, one: int, other: int) -> None:
        """Let two rows change places."""
        columns = slice(min(self.starts[one], self.starts[other]), self.view.end)
        for layer in self.layers:
            for kept in (layer.keys, layer.values):
                kept[[one, other], :, columns] = kept[[other, one], :, columns]
        self.ids[one], self.ids[other] = self.ids[other], self.ids[one]
        self.starts[one], self.starts[other] = self.starts[other], self.starts[one]


def keeps_all(model: Any) -> bool:
    """Whether a model's memory is what `Columns` keeps: keys and values of each token by itself.

    That is so with full and sliding attention. Models with a state, with attention in chunks or
    with layers that share their memory are asked through transformers' own `generate`.
    """
    config = model.config.get_text_config(decoder=True)
    layers = DynamicCache(config=model.config).layers
    return (
        bool(layers)
        and {type(layer) for layer in layers} <= {DynamicLayer, DynamicSlidingWindowLayer}
        and len(layers) == config.num_hidden_layers
        and "chunked_attention" not in (getattr(config, "layer_types", None) or ())
        and {"position_ids", "logits_to_keep"} <= set(inspect.signature(model.forward).parameters)
    )
