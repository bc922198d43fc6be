"""Models with random weights, for benchmarks/peers.py."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
import transformers

from self_evolution import miniature
from self_evolution.config import Model
from self_evolution.models.transformers_engine import TransformersEngine

WIDE = {"vocab_size": 151_936, "hidden_size": 256, "num_hidden_layers": 6}
SMALL = {"vocab_size": 1_024, "hidden_size": 512, "num_hidden_layers": 8}


def model(folder: Path, numbers: dict[str, int]) -> Path:
    """A folder with random weights of that shape, and the miniature's tokenizer."""
    if not folder.is_dir():
        torch.manual_seed(0)
        width = numbers["hidden_size"]
        made = transformers.Qwen2Config(
            **numbers,
            intermediate_size=3 * width,
            num_attention_heads=width // 64,
            num_key_value_heads=width // 64,
            tie_word_embeddings=True,
        )
        shutil.copytree(miniature.MODEL, folder, ignore=shutil.ignore_patterns("*.safetensors"))
        transformers.AutoModelForCausalLM.from_config(made).save_pretrained(folder)
    return folder


def engine(folder: Path, dtype: Any = "float32") -> TransformersEngine:
    found = TransformersEngine(Model(name=str(folder), device="cpu", dtype=dtype))
    found.chat.stops = []  # replies have the same length in all ways
    return found


def tokens(size: int) -> list[int]:
    return [int(i) for i in torch.randint(10, 1000, (size,))]
