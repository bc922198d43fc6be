"""The engine on transformers: loading, generating, adapters on and off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
import torch
import transformers
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save_file
from tiny import ALL

from self_evolution.config import Config, Model, Train
from self_evolution.errors import UserError
from self_evolution.models import Engine, SamplingParams, TrainingJob
from self_evolution.models.base import loading
from self_evolution.models.decoding import generation
from self_evolution.models.scripted import MEMORY, ScriptedEngine
from self_evolution.models.training import lora
from self_evolution.models.transformers_engine import TransformersEngine
from self_evolution.progress import Progress, interrupt
from self_evolution.records import Adapter
from self_evolution.run import Run

GREEDY = SamplingParams(temperature=0.0, top_p=1.0, max_tokens=12)
WARM = SamplingParams(temperature=1.0, top_p=0.95, max_tokens=12)
QUESTIONS = [
    "Which?",
    "Which alarm stops the pump at North Station, and who resets it?",
    "如何查询参数的默认值？",
    "The valve opens. " * 6,
]
PROMPTS = [[{"role": "user", "content": question}] for question in QUESTIONS]


def greedy(engine: TransformersEngine, ids: list[int], model: Any) -> list[int]:
    """The most likely tokens, one at a time, from all before them: no cache, no padding."""
    start = len(ids)
    with torch.no_grad():
        while len(ids) < start + GREEDY.max_tokens and ids[-1] not in engine.chat.stops:
            logits = model(input_ids=torch.tensor([ids])).logits
            ids = [*ids, int(logits[0, -1].argmax())]
    return ids[start:]


@pytest.mark.parametrize("name", ALL)
def test_a_batch_replies_as_one_at_a_time_and_as_by_hand(
    name: str, tmp_path: Path, capfd: Any
) -> None:
    """Also: nothing of the model's own generation settings has a say, and nothing is printed."""
    engine = tiny.engine(name)
    together = engine.generate(PROMPTS, GREEDY, 0, "current")
    single = [engine.generate([prompt], GREEDY, 0, "current")[0] for prompt in PROMPTS]
    prompts = [engine.prompt_ids(prompt) for prompt in PROMPTS]
    base = tiny.model(name)
    by_hand = [engine.chat.read(greedy(engine, ids, base)) for ids in prompts]
    assert together == single == by_hand
    assert all(reply.text for reply in together)
    engine.set_adapter(tiny.adapter(name, tmp_path / "gen-1"))
    tuned = tiny.tuned(name, tmp_path / "gen-1")
    by_hand = [engine.chat.read(greedy(engine, ids, tuned)) for ids in prompts]
    assert engine.generate(PROMPTS, GREEDY, 0, "current") == by_hand != together
    assert engine.generate(PROMPTS, GREEDY, 0, "base") == together
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("at", [2, 5])
def test_any_end_token_stops(at: int) -> None:
    engine = tiny.engine("llama3")
    ids = greedy(engine, engine.prompt_ids(PROMPTS[0]), tiny.model("llama3"))
    engine.chat.stops = [*engine.chat.stops, ids[at]]
    text = engine.chat.tokenizer.decode(ids[: ids.index(ids[at])]).strip()
    reply = engine.generate(PROMPTS, GREEDY, 0, "base")[0]
    assert (reply.text, reply.finish_reason) == (text, "stop")
    assert reply.ids == ids[: ids.index(ids[at]) + 1]


def test_a_reply_that_is_cut_off_says_so() -> None:
    engine = tiny.engine("qwen2")
    (reply,) = engine.generate(PROMPTS[:1], GREEDY._replace(max_tokens=3), 0, "base")
    assert reply.finish_reason == "length"


def test_a_sample_follows_from_its_seed() -> None:
    engine = tiny.engine("qwen2")
    first = engine.generate(PROMPTS, WARM, 1, "base")
    assert engine.generate(PROMPTS, WARM, 1, "base") == first
    assert engine.generate(PROMPTS, WARM, 2, "base") != first
    assert engine.generate(PROMPTS, GREEDY, 1, "base") == engine.generate(
        PROMPTS, GREEDY, 2, "base"
    )


def test_no_prompts_no_replies() -> None:
    assert tiny.engine("qwen2").generate([], GREEDY, 0, "base") == []


def test_with_the_adapter_off_it_is_exactly_the_base(tmp_path: Path) -> None:
    plain, tuned = tiny.engine("phi3"), tiny.engine("phi3")
    tuned.set_adapter(tiny.adapter("phi3", tmp_path / "gen-1"))
    rows = [(plain.prompt_ids(prompt), plain.text_ids("The pump.")) for prompt in PROMPTS]
    assert tuned.generate(PROMPTS, WARM, 1, "base") == plain.generate(PROMPTS, WARM, 1, "base")
    assert tuned.nll(rows, "base") == plain.nll(rows, "base")
    assert tuned.nll(rows, "current") != plain.nll(rows, "current")
    tuned.set_adapter(None)
    assert tuned.generate(PROMPTS, WARM, 1, "current") == plain.generate(PROMPTS, WARM, 1, "base")
    assert tuned.nll(rows, "current") == plain.nll(rows, "base")


def test_no_interruption_leaves_the_adapter_half_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request to stop, or the end of a probe's time, comes while layers are switched."""
    engine = tiny.engine("qwen2")
    engine.set_adapter(tiny.adapter("qwen2", tmp_path / "gen-1"))
    expected = engine.generate(PROMPTS, GREEDY, 1, "base")
    switch, switched = BaseTunerLayer.enable_adapters, []

    def interrupted(self: Any, enabled: bool) -> None:
        switched.append(enabled)
        interrupt()
        switch(self, enabled)

    monkeypatch.setattr(BaseTunerLayer, "enable_adapters", interrupted)
    assert engine.generate(PROMPTS, GREEDY, 1, "base") == expected
    assert set(switched) == {False, True}


def test_adapters_are_swapped_whatever_their_rank(tmp_path: Path) -> None:
    engine = tiny.engine("qwen2")
    rows = [(engine.prompt_ids(PROMPTS[0]), engine.text_ids("The pump."))]
    base, seen = engine.nll(rows, "base"), {}
    for rank in (2, 4):
        tiny.adapter("qwen2", tmp_path / f"gen-{rank}", rank, seed=rank)
        alone = tiny.engine("qwen2")
        alone.set_adapter(tmp_path / f"gen-{rank}")
        seen[rank] = alone.nll(rows, "current")
    for rank in (2, 4, 2):
        engine.set_adapter(tmp_path / f"gen-{rank}")
        assert engine.nll(rows, "current") == seen[rank]
        assert engine.nll(rows, "base") == base
    with pytest.raises(UserError, match=r"gen-9: the adapter is missing"):
        engine.set_adapter(tmp_path / "gen-9")


def test_an_adapter_of_the_same_shape_is_put_into_the_layers_that_are_there(tmp_path: Path) -> None:
    engine = tiny.engine("qwen2")
    rows = [(engine.prompt_ids(PROMPTS[0]), engine.text_ids("The pump."))]
    for seed in (1, 2):
        tiny.adapter("qwen2", tmp_path / f"gen-{seed}", 2, seed=seed)
    for seed in (1, 2, 1):
        layers = engine.tuned
        engine.set_adapter(tmp_path / f"gen-{seed}")
        assert layers is None or engine.tuned is layers
        alone = tiny.engine("qwen2")
        alone.set_adapter(tmp_path / f"gen-{seed}")
        assert engine.nll(rows, "current") == alone.nll(rows, "current")
        assert {name: one.requires_grad for name, one in engine.tuned.named_parameters()} == {
            name: one.requires_grad for name, one in alone.tuned.named_parameters()
        }


class Adapters:
    """The part of a ledger that `Run.use` needs."""

    def __init__(self, *rows: Adapter) -> None:
        self.training = SimpleNamespace(adapters=lambda: list(rows))


@pytest.mark.parametrize("kind", ["transformers", "scripted"])
def test_an_adapter_that_was_not_trained_here_is_refused(kind: str, tmp_path: Path) -> None:
    engine: Engine = tiny.engine("qwen2")
    if kind == "scripted":
        engine = ScriptedEngine(Model(), lambda messages: "?")
    (tmp_path / "adapters").mkdir()
    settings, turns = Train(rank=2, epochs=1), [*PROMPTS[0], {"role": "assistant", "content": "A"}]
    folder, go_on = tmp_path / "adapters" / "gen-1", lambda done, total: False
    trained = engine.train(TrainingJob([turns], settings, 1e-3, folder, 0, go_on))
    ledger: Any = Adapters(Adapter(1, 0, "adapters/gen-1", *trained))
    run = Run(tmp_path, Config(), ledger, Progress(), engine)
    for number in (1, 0, 1):
        run.use(number)
    run.use(0)
    file = folder / (lora.WEIGHTS if kind == "transformers" else MEMORY)
    file.write_bytes(file.read_bytes().replace(b"A", b"B") + b" ")
    with pytest.raises(UserError, match=r"not the adapter that this run trained; restore"):
        run.use(1)
    file.unlink()
    with pytest.raises(UserError, match=r"gen-1: the adapter is missing"):
        run.use(1)


def small_memory(work: Callable[..., Any], limit: int) -> Callable[..., Any]:
    def limited(model: Any, request: generation.Request, *rest: Any) -> Any:
        if len(request.rows) > limit:
            torch.rand(1)  # the failed attempt used up some chance
            raise torch.OutOfMemoryError("too much")
        return work(model, request, *rest)

    return limited


def test_a_batch_that_memory_does_not_hold_is_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine("qwen2")
    whole, generate = engine.generate(PROMPTS, GREEDY, 0, "base"), generation.generate
    monkeypatch.setattr(generation, "generate", small_memory(generate, 1))
    assert engine.generate(PROMPTS, GREEDY, 0, "base") == whole
    sample = engine.generate(PROMPTS, WARM, 5, "base")
    assert engine.generate(PROMPTS, WARM, 5, "base") == sample
    monkeypatch.setattr(generation, "generate", small_memory(generate, 0))
    with pytest.raises(UserError, match="does not hold a single row"):
        engine.generate(PROMPTS, GREEDY, 0, "base")


def test_what_does_not_fit_the_window_is_refused() -> None:
    engine = tiny.engine("qwen2")
    assert engine.window == 2048
    with pytest.raises(UserError, match=r"do not fit the model's window of 2048"):
        engine.generate(PROMPTS, GREEDY._replace(max_tokens=2040), 0, "base")


def test_counting_tokens() -> None:
    engine = tiny.engine("llama3")
    assert engine.count([]) == []
    assert engine.count(["", "The pump"]) == [0, len(engine.text_ids("The pump"))]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny.folder("llama3"), tmp_path / "model"))


def test_a_folder_without_tokenizer(copy: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink()
    with pytest.raises(UserError, match=r"the folder has no tokenizer"):
        tiny.engine(copy)


def test_a_folder_without_safetensors(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    torch.save(weights, copy / "pytorch_model.bin")  # a pickle: never loaded
    with pytest.raises(UserError, match=r"cannot be loaded .*safetensors"):
        tiny.engine(copy)


def test_weights_that_lack_a_part_are_not_made_up(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"1 of its weights are missing.*layers\.1\.mlp\.up_proj"):
        tiny.engine(copy)


def test_weights_of_another_shape(copy: Path) -> None:
    settings = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(settings | {"intermediate_size": 48}))
    with pytest.raises(UserError, match=r"model: (cannot be loaded|.*another shape)"):
        tiny.engine(copy)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "no model given: --model"),
        ("/nowhere/at/all", "no such folder"),
        ("./nowhere", "no such folder"),
    ],
)
def test_a_model_that_is_not_there(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        TransformersEngine(Model(name=name))


@pytest.mark.parametrize("device", ["foo", "cuda", "cuda:7", ""])
def test_a_device_that_is_not_there(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before any weights are read."""
    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", None)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: None)
    with pytest.raises(UserError, match=rf"--model\.device {device}: .* choose from auto, cpu$"):
        TransformersEngine(Model(name=str(tiny.folder("qwen2")), device=device))


def test_devices_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        torch.accelerator, "current_accelerator", lambda **_: torch.device("cuda", 0)
    )
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    assert loading.devices() == ["cpu", "cuda", "cuda:0", "cuda:1"]
    assert loading.choose_device("auto") == "cuda"
    assert loading.choose_device("cuda:1") == "cuda:1"


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no config\.json"):
        tiny.engine(tmp_path)
