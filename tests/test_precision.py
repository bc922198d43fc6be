"""The number format of the weights is settled when a run begins, and stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
import torch

from self_evolution import miniature
from self_evolution.config import Model, Train, load
from self_evolution.models import SamplingParams
from self_evolution.models.base import precision
from self_evolution.models.training import lora
from self_evolution.progress import Progress
from self_evolution.run.open import Request, copy_run, open_run


@pytest.mark.parametrize(
    ("pays", "smallest", "device", "dtype", "settled"),
    [
        (True, 0, "cpu", "auto", "bfloat16"),
        (False, 0, "cpu", "auto", "float32"),
        (True, 1 << 26, "cpu", "auto", "float32"),  # a tiny model
        (True, 0, "cpu", "float32", "float32"),  # the user has chosen
        (True, 0, "cpu", "float16", "float16"),
        (True, 0, "cuda", "auto", "auto"),  # as the model's files have it
    ],
)
def test_what_is_left_open_is_settled_on_a_cpu(
    pays: bool,
    smallest: int,
    device: str,
    dtype: str,
    settled: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precision, "bfloat16_pays", lambda: pays)
    monkeypatch.setattr(precision, "SMALL_BYTES", smallest)
    monkeypatch.setattr("self_evolution.models.base.loading.devices", lambda: ["cpu", "cuda"])
    settings = Model(name=str(tiny.folder("qwen2")), device=device, dtype=dtype)  # type: ignore[arg-type]
    assert precision.settled(settings).dtype == settled


def test_the_processor_is_asked_and_measured() -> None:
    supported = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    assert supported or not precision.bfloat16_pays()
    for dtype, said in (("bfloat16", not supported), ("float32", False), ("auto", False)):
        assert bool(precision.remark(Model(device="cpu", dtype=dtype))) is said  # type: ignore[arg-type]


def test_the_recipe_for_a_small_chat_model_leaves_the_format_to_the_machine() -> None:
    assert load("demo").model.dtype == "auto"


def test_a_run_keeps_its_format_on_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pumps.md").write_text("# Pumps\n\nThe pump stops on alarm 4711.\n")
    settings = {"model.name": str(tiny.folder("qwen2")), "model.device": "cpu"}
    request = Request("default", settings, (str(tmp_path / "pumps.md"),))
    monkeypatch.setattr(precision, "SMALL_BYTES", 0)
    for pays in (True, False):
        monkeypatch.setattr(precision, "bfloat16_pays", lambda pays=pays: pays)
        monkeypatch.setattr(precision, "_supported", lambda pays=pays: pays)
        with open_run(tmp_path / "run", request, Progress(), new=True) as run:
            assert run.config.model.dtype == "bfloat16"
            assert run.engine.window > 0
        warned = "no instructions for bfloat16" in capsys.readouterr().err
        assert warned is not pays
    assert "dtype: bfloat16" in (tmp_path / "run" / "recipe.yaml").read_text()


def test_the_miniature_stays_in_float32() -> None:
    assert load("embedded").model.dtype == "float32"
    assert (miniature.MODEL / "model.safetensors").stat().st_size < precision.SMALL_BYTES


def test_in_bfloat16_adapters_and_losses_are_float32() -> None:
    engine = tiny.engine("llama3", dtype="bfloat16")
    tuned = lora.attach(engine.base, None, Train(rank=2), seed=1)
    kinds = {name: weight.dtype for name, weight in tuned.named_parameters()}
    assert {kinds[name] for name in kinds if "lora_" in name} == {torch.float32}
    assert torch.bfloat16 in kinds.values()
    states = torch.ones(2, 32, dtype=torch.bfloat16)
    assert engine._likelihood.logits(states).dtype == torch.float32
    prompts = [[{"role": "user", "content": "Which alarm?"}]]
    assert engine.generate(prompts, SamplingParams(1.0, 0.9, 5), 1, "base")[0].ids


def test_a_copy_of_a_run_keeps_its_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pumps.md").write_text("# Pumps\n\nThe pump stops on alarm 4711.\n")
    settings = {"model.name": str(tiny.folder("qwen2")), "model.device": "cpu"}
    request = Request("default", settings, (str(tmp_path / "pumps.md"),))
    monkeypatch.setattr(precision, "SMALL_BYTES", 0)
    monkeypatch.setattr(precision, "bfloat16_pays", lambda: True)
    with open_run(tmp_path / "run", request, Progress(quiet=True), new=True):
        pass
    monkeypatch.setattr(precision, "bfloat16_pays", lambda: False)
    copy_run(tmp_path / "run", tmp_path / "copy", request, Progress(quiet=True))
    with open_run(tmp_path / "copy", request, Progress(quiet=True)) as run:
        assert run.config.model.dtype == "bfloat16"
