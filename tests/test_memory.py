"""The memory of a model is computed: known sizes, and what training is seen to keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import transformers

from self_evolution import config
from self_evolution.config import Train
from self_evolution.models.base import memory
from self_evolution.models.training import lora
from self_evolution.progress import Progress
from self_evolution.run.open import Request, open_run
from tools.models_table import BASES, SMALL, shape, tables

PAGE = Path(__file__).resolve().parents[1] / "docs" / "models.md"
KNOWN = {
    "SmolLM2-135M-Instruct": 134_515_008,
    "Qwen3-0.6B": 596_049_920,
    "Llama-3.2-1B-Instruct": 1_235_814_400,
    "Mistral-7B-Instruct-v0.3": 7_248_023_552,
    "Llama-3.1-8B-Instruct": 8_030_261_248,
    "Qwen3-8B": 8_190_735_360,
}
"""Weights as their publishers count them."""


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.name)
def test_the_shapes_of_known_models(base: Any) -> None:
    found = shape(base)
    assert found.parameters == KNOWN.get(base.name, found.parameters)
    assert found.layers == base.numbers["num_hidden_layers"]
    assert found.keys == base.numbers["num_key_value_heads"] * base.numbers["head_dim"]


def test_the_shape_is_that_of_the_loaded_model() -> None:
    found, model = memory.shape(tiny.folder("llama3")), tiny.model("llama3")
    assert found.parameters == sum(weight.numel() for weight in model.parameters())
    tuned = lora.attach(model, None, Train(rank=4), seed=1)
    trained = sum(weight.numel() for weight in tuned.parameters() if weight.requires_grad)
    assert trained == 4 * found.linear


@pytest.mark.parametrize("kind", ["Llama", "Qwen3", "Gemma3Text"])
def test_training_keeps_at_most_what_is_computed(kind: str) -> None:
    numbers: dict[str, Any] = {"hidden_size": 128, "intermediate_size": 512, "head_dim": 32}
    numbers |= {"num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2}
    made = getattr(transformers, f"{kind}Config")(vocab_size=500, **numbers)
    tuned = lora.attach(
        transformers.AutoModelForCausalLM.from_config(made), None, Train(rank=4), seed=1
    )
    own = {weight.untyped_storage().data_ptr() for weight in tuned.parameters()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        states = tuned.get_base_model().get_decoder()(
            input_ids=torch.ones(1, 128, dtype=torch.long), use_cache=False
        )
        measured = sum(storage.nbytes() for storage in kept.values())
    del states
    settings = config.load("default").changed({"train.micro_batch": 1, "train.max_tokens": 128})
    found = memory.shape_of(made)
    none = settings.changed({"train.max_tokens": 1})
    computed = (
        memory.memory(found, settings, "float32").training
        - memory.memory(found, none, "float32").training
    ) * (128 / 127)
    assert measured <= computed <= 2 * measured


def test_settings_that_save_memory_do() -> None:
    default = config.load("default")
    model = shape(next(base for base in BASES if base.name == "Qwen3-8B"))
    whole = memory.memory(model, default, "bfloat16")
    less = default.changed({"train.checkpointing": "on", "train.micro_batch": 1})
    small = memory.memory(model, less, "bfloat16")
    assert small.training < 0.6 * whole.training and small.generating == whole.generating
    assert small.training > 8_190_735_360 * 2
    assert memory.memory(model, default, "float32").most > 1.8 * whole.most


@pytest.mark.parametrize(
    ("share", "given", "settled"),
    [(2.0, "auto", "off"), (0.9, "auto", "on"), (0.9, "off", "off"), (2.0, "on", "on")],
)
def test_activations_are_computed_twice_where_a_step_would_not_fit(
    share: float, given: str, settled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is settled when a run begins, and the run keeps it."""
    (tmp_path / "pumps.md").write_text("# Pumps\n\nThe pump stops on alarm 4711.\n")
    words = {"model.name": str(tiny.folder("qwen2")), "model.device": "cpu"}
    words |= {"train.checkpointing": given}
    settings = config.load("default").changed({**words, "train.checkpointing": "off"})
    whole = memory.memory(memory.shape(tiny.folder("qwen2")), settings, "float32").training
    request = Request("default", words, (str(tmp_path / "pumps.md"),))
    for room in (share * whole, 100 * whole):
        monkeypatch.setattr(memory, "room", lambda device, room=room: room)
        with open_run(tmp_path / "run", request, Progress(quiet=True), new=True) as run:
            assert run.config.train.checkpointing == settled


def test_a_model_that_is_not_here_yet_leaves_it_open() -> None:
    settings = config.load("default").changed({"model.name": "somebody/a-model"})
    assert memory.settled(settings).train.checkpointing == "auto"


def test_an_unknown_architecture_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "nonesuch"}')
    with pytest.raises(memory.UserError, match="its architecture is not known here"):
        memory.shape(tmp_path)


def test_the_page_has_the_computed_tables() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for table in tables().split("\n\n"):
        assert table.strip() in text, "python -m tools.models_table prints what docs/models.md has"


def test_the_page_says_what_a_model_in_16_bits_takes_more_on_a_cpu() -> None:
    default = config.load("default")
    small = default.changed(SMALL)
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    more = {}
    for base in BASES:
        whole, little = (
            [memory.memory(shape(base), one, "bfloat16", device=device).most / 1e9 for device in on]
            for one, on in ((default, ("cuda", "cpu")), (small, ("cuda", "cpu")))
        )
        assert 0.2 <= little[1] - little[0] < 3
        if whole[1] > whole[0]:
            more[base.name] = f"{whole[1]:.0f} GB"
    assert more == {
        "Qwen3-0.6B": "14 GB",
        "SmolLM2-1.7B-Instruct": "25 GB",
        "Qwen3-1.7B": "17 GB",
    }
    assert "Qwen3-0.6B needs 14 GB, SmolLM2-1.7B-Instruct 25 GB and Qwen3-1.7B 17 GB" in text


def test_a_cpu_keeps_keys_and_values_in_float32() -> None:
    settings, shape = config.load("default"), memory.shape(tiny.folder("qwen2"))
    rounded, full = (
        [memory.memory(shape, settings, dtype, device=device) for device in ("cuda", "cpu")]
        for dtype in ("bfloat16", "float32")
    )
    assert rounded[0].generating < rounded[1].generating < full[0].generating
    assert rounded[0].training == rounded[1].training and full[0] == full[1]
