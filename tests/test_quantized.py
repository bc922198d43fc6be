"""A base in few bits: how far its scores move, that it is tuned, and that it is refused clearly."""

from __future__ import annotations

import importlib.util
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from self_evolution import miniature
from self_evolution.config import Model, Train, load
from self_evolution.errors import UserError
from self_evolution.models import SamplingParams, engines
from self_evolution.models.base import loading, memory, quantized
from self_evolution.models.protocols import Row
from self_evolution.models.training import lora
from self_evolution.models.training.job import TrainingJob
from self_evolution.models.transformers_engine import TransformersEngine

installed = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)
FEW = ["nf4", "int8"]
TALK = [
    [
        {"role": "user", "content": f"What is the limit of alarm {number}?"},
        {"role": "assistant", "content": f"The limit of alarm {number} is {7 * number} units."},
    ]
    for number in range(20, 28)
]


def settings(quantize: Any = "none", folder: Path = miniature.MODEL) -> Model:
    return Model(name=str(folder), device="cpu", dtype="float32", quantize=quantize)


def rows(engine: TransformersEngine) -> list[Row]:
    return [
        (engine.prompt_ids(one[:1]), engine.text_ids(one[1]["content"], reply=True)) for one in TALK
    ]


@installed
@pytest.mark.parametrize(("quantize", "most"), [("nf4", 0.1), ("int8", 0.02)])
def test_scores_move_little(quantize: str, most: float) -> None:
    """The likelihoods of the miniature's answers, as a share of what they are in full."""
    whole, few = TransformersEngine(settings()), TransformersEngine(settings(quantize))
    expected = torch.tensor(whole.nll(rows(whole), "base"))
    found = torch.tensor(few.nll(rows(few), "base"))
    moved = float(((found - expected).abs() / expected).mean())
    assert 1e-6 < moved < most


@installed
@pytest.mark.parametrize("quantize", FEW)
def test_an_adapter_is_trained_on_it_and_loads_again(quantize: str, tmp_path: Path) -> None:
    train = Train(rank=8, steps=(12,), batch_size=4, micro_batch=4, checkpoint_steps=0)
    engine = TransformersEngine(settings(quantize))
    before = engine.nll(rows(engine), "base")
    job = TrainingJob(TALK, train, 1e-2, tmp_path / "gen-1", 1, lambda done, total: False)
    found = engine.train(job)
    assert found.last_loss < 0.7 * found.first_loss
    kinds = {type(one).__name__ for one in engine.tuned.modules()}
    assert {"nf4": "Linear4bit", "int8": "Linear8bitLt"}[quantize] in kinds
    assert engine.nll(rows(engine), "base") == pytest.approx(before, rel=1e-3)
    after = engine.nll(rows(engine), "current")
    again = TransformersEngine(settings(quantize))
    again.set_adapter(tmp_path / "gen-1")
    assert again.nll(rows(again), "current") == pytest.approx(after, rel=1e-3)
    replies = again.generate([one[:1] for one in TALK], SamplingParams(0.0, 1.0, 8), 0, "current")
    assert all(reply.ids for reply in replies)


@installed
def test_weights_in_few_bits_are_another_model() -> None:
    found = [engines.identity(settings(quantize)) for quantize in ("none", *FEW)]
    assert found[1] == found[0] | {"quantize": "nf4"}
    assert found[2] == found[0] | {"quantize": "int8"}


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"nf4: the package bitsandbytes .*\[quantized\]"):
        engines.check_engine(settings("nf4"))
    engines.check_engine(settings())


def test_weights_that_are_quantised_already_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    folder = tmp_path / "model"
    shutil.copytree(miniature.MODEL, folder)
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"quantised already \(gptq\); give the model"):
        engines.check_engine(settings("int8", folder))


@pytest.mark.parametrize("inside", ["", "text_config"])
def test_also_those_of_a_hub_are_refused(
    inside: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Early if the model was fetched before; else as soon as its configuration is there."""
    import huggingface_hub.constants

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    cache = tmp_path / "models--somebody--model"
    folder = cache / "snapshots" / ("0123abcd" * 5)
    shutil.copytree(miniature.MODEL, folder)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(folder.name)
    config = json.loads((folder / "config.json").read_text())
    part = config.setdefault(inside, {}) if inside else config
    part["quantization_config"] = {"quant_method": "awq", "bits": 4}
    (folder / "config.json").write_text(json.dumps(config))
    hub = Model(name="somebody/model", device="cpu", dtype="float32", quantize="nf4")
    with pytest.raises(UserError, match=r"somebody/model are quantised already \(awq\)"):
        engines.check_engine(hub)


@installed
def test_also_what_was_just_fetched(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(miniature.MODEL, folder)
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "awq", "bits": 4}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").unlink()  # its weights are not looked at
    with pytest.raises(UserError, match=r"quantised already \(awq\)"):
        loading.load(settings("nf4", folder))


def test_a_run_is_not_told_what_the_package_would_like() -> None:
    assert not logging.getLogger("bitsandbytes.backends").isEnabledFor(logging.WARNING)


def test_a_device_without_code_is_named() -> None:
    with pytest.raises(UserError, match="no code for the device mps"):
        quantized.options(settings("nf4"), torch.float32, "mps")


def test_it_takes_less_memory_by_computation() -> None:
    shape = memory.shape(miniature.MODEL)
    whole = load("default")
    sizes = [
        memory.memory(shape, whole.changed({"model.quantize": kind}), "bfloat16").training
        for kind in ("none", "int8", "nf4")
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] - sizes[2] == pytest.approx(shape.inside * 1.48, rel=0.01)
    model = TransformersEngine(settings())
    tuned = lora.attach(model.base, None, Train(rank=1), 1)
    names = [name for name, _ in tuned.named_modules() if name.endswith("base_layer")]
    assert shape.inside == sum(tuned.get_submodule(name).weight.numel() for name in names)
