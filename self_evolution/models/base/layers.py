"""The linear layers of a base model, which LoRA can change. Its weights need not be loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from self_evolution.errors import UserError

_ENOUGH = 0.2
"""The MLPs' share of the weights in linear layers, at the least. Dense models have 0.5 or more; a
mixture of experts may have no more than its routers there."""


def configuration(folder: Path) -> Any:
    """The model's configuration, as transformers reads it. transformers raises many kinds of errors
    if it does not know the architecture."""
    import transformers

    return transformers.AutoConfig.from_pretrained(
        str(folder), local_files_only=True, trust_remote_code=False
    )


def unloaded(config: Any) -> Any:
    """A model with this configuration, for whose weights nothing is allocated."""
    import torch
    import transformers

    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config)


def linear_layers(model: Any) -> dict[str, Any]:
    """The layers of a model that can have LoRA, by name: all linear ones but the output layer."""
    import torch
    from transformers.pytorch_utils import Conv1D

    output = model.get_output_embeddings()
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear | Conv1D) and module is not output
    }


def size_of(layer: Any) -> tuple[int, int]:
    """(outputs, inputs) of a linear layer, or of GPT-2's Conv1D, which is one too."""
    if hasattr(layer, "nf"):
        return layer.nf, layer.nx
    return layer.out_features, layer.in_features


def in_attention(name: str) -> bool:
    """Whether a module of this name, with dots, is a part of attention."""
    return any("attn" in part or "attention" in part for part in name.lower().split("."))


def require_mlps(layers: Mapping[str, Any]) -> None:
    """Raises UserError if a model's MLPs are not among its `linear_layers`, as those of a mixture
    of experts may be."""
    weights = {name: layer.weight.numel() for name, layer in layers.items()}
    outside = sum(count for name, count in weights.items() if not in_attention(name))
    if outside < _ENOUGH * sum(weights.values()):
        raise UserError(
            "--train.layers mlp: too few of this model's linear layers are outside of attention; "
            "give --train.layers all"
        )
