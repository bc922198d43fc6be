"""The layers that an adapter changes, its file, and the digest by which a run recognises it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from self_evolution.errors import UserError

_ENOUGH = 0.2
"""The MLPs' share of the weights in linear layers, at the least. Dense models have 0.5 or more; a
mixture of experts may have no more than its routers there."""


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def missing(folder: Path) -> UserError:
    """The error for a folder without an adapter."""
    return UserError(f"{folder}: the adapter is missing; start a new run, or restore the folder")


def require_adapter(folder: Path, file: str, sha256: str) -> None:
    """Raises UserError if `folder` has no adapter file, or one with another digest (empty: any)."""
    if not (folder / file).is_file():
        raise missing(folder)
    if sha256 and digest(folder / file) != sha256:
        raise UserError(
            f"{folder}: {file} is not the adapter that this run trained; restore the folder, or "
            "start a new run"
        )


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
