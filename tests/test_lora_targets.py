"""An adapter changes the layers that the settings name, and has as many numbers as forecast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from transformers import AutoModelForCausalLM, GPT2Config, MixtralConfig, OPTConfig

from self_evolution.config import Config, Model, Train
from self_evolution.errors import UserError
from self_evolution.export.adapter_files import adapter_faults
from self_evolution.models import pretrained
from self_evolution.models.base import memory
from self_evolution.models.base.layers import in_attention
from self_evolution.models.training import lora

GPT2 = GPT2Config(vocab_size=50, n_layer=2, n_embd=16, n_head=2)
SMALL = {"vocab_size": 50, "num_hidden_layers": 2, "hidden_size": 16, "num_attention_heads": 2}


def changed(base: Any, **settings: Any) -> tuple[set[str], int]:
    """The layers with an adapter, and its numbers."""
    tuned = lora.attach(base, None, Train(rank=3, **settings), seed=1)
    layers = {name for name, part in tuned.base_model.model.named_modules() if lora_of(part)}
    return layers, sum(one.numel() for one in tuned.parameters() if one.requires_grad)


def lora_of(part: Any) -> bool:
    return bool(getattr(part, "lora_A", None))


@pytest.mark.parametrize("name", ["llama3", "qwen2", "gemma3", "phi3"])
def test_those_of_the_mlps_alone(name: str) -> None:
    everything, numbers = changed(tiny.model(name))
    found, fewer = changed(tiny.model(name), layers="mlp")
    assert found == {one for one in everything if ".mlp." in one}
    assert 0 < len(found) < len(everything)
    shape = memory.shape(tiny.folder(name))
    assert numbers == memory.adapter_weights(shape, Train(rank=3))
    assert fewer == memory.adapter_weights(shape, Train(rank=3, layers="mlp"))


@pytest.mark.parametrize(
    ("config", "ends"),
    [
        # Both attention and MLP have a layer `c_proj`, so whole names are needed.
        (GPT2, {"mlp.c_fc", "mlp.c_proj"}),
        (OPTConfig(**SMALL, ffn_dim=32, word_embed_proj_dim=16), {"fc1", "fc2"}),
    ],
    ids=["gpt2", "opt"],
)
def test_layers_with_names_of_other_families(config: Any, ends: set[str]) -> None:
    found, numbers = changed(AutoModelForCausalLM.from_config(config), layers="mlp")
    shape = memory.shape_of(config)
    assert numbers == memory.adapter_weights(shape, Train(rank=3, layers="mlp"))
    assert shape.inner in (32, 64)
    assert len(found) == 4
    assert all(name.endswith(tuple(ends)) and not in_attention(name) for name in found)


def test_a_model_whose_mlps_cannot_be_changed_is_refused(tmp_path: Path) -> None:
    config = MixtralConfig(**SMALL, intermediate_size=32, num_key_value_heads=2)
    with torch.device("meta"):
        base = AutoModelForCausalLM.from_config(config)
    with pytest.raises(UserError, match=r"--train\.layers mlp: too few.*give --train\.layers all"):
        lora.attach(base, None, Train(layers="mlp"), seed=1)
    # A run says so before it begins, and not in its first training.
    config.save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        (tmp_path / name).write_text("{}")
    settings = Config(model=Model(name=str(tmp_path)), train=Train(layers="mlp"))
    with pytest.raises(UserError, match=r"give --train\.layers all"):
        pretrained.settled(settings)
    pretrained.settled(settings.changed({"train.layers": "all"}))


def test_an_adapter_is_sound_for_layers_that_hold_their_weights_the_other_way_round(
    tmp_path: Path,
) -> None:
    """GPT-2 has such layers; its files are known by the names and sizes of the base's layers."""
    base = AutoModelForCausalLM.from_config(GPT2)
    base.config.save_pretrained(tmp_path / "base")
    tuned = lora.attach(base, None, Train(rank=3), seed=1)
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.ones_(weight)
    lora.save(tuned, tmp_path / "gen-1")
    assert list(adapter_faults(tmp_path / "gen-1", tmp_path / "base")) == []
