"""LoRA training on tiny models: what it changes, what it leaves, and how it resumes."""

from __future__ import annotations

import gc
import socket
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from peft import PeftModel
from tiny import CONVERSATIONS
from transformers import AutoModelForCausalLM, Trainer

from self_evolution.config import Train
from self_evolution.errors import Stopped, UserError
from self_evolution.models import SamplingParams
from self_evolution.models.likelihood import Likelihood
from self_evolution.models.training import trainer
from self_evolution.models.training.job import IGNORED, Trained, TrainingJob
from self_evolution.models.transformers_engine import TransformersEngine
from self_evolution.progress import interrupt

SETTINGS = Train(rank=4, alpha=8, epochs=3, batch_size=4, micro_batch=2, checkpoint_steps=0)
RATE = 1e-2
FILES = ["adapter_config.json", "adapter_model.safetensors"]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a network call")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def train(
    engine: TransformersEngine,
    folder: Path,
    settings: Train = SETTINGS,
    on_step: Callable[[int, int], bool] = lambda done, total: False,
    seed: int = 5,
) -> Trained:
    return engine.train(TrainingJob(CONVERSATIONS, settings, RATE, folder, seed, on_step))


def rows(engine: TransformersEngine) -> list[tuple[list[int], list[int]]]:
    return [
        (engine.prompt_ids(turns[:1]), engine.text_ids(turns[1]["content"], reply=True))
        for turns in CONVERSATIONS[:3]
    ]


def adapter(folder: Path) -> bytes:
    return (folder / FILES[1]).read_bytes()


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["qwen2", "gemma3", "phi3"])
def test_training_lowers_the_loss_and_leaves_the_base_alone(
    name: str, tmp_path: Path, capfd: Any
) -> None:
    engine = tiny.engine(name)
    before = {key: value.clone() for key, value in engine.base.state_dict().items()}
    scores, use_cache = engine.nll(rows(engine), "base"), engine.base.config.use_cache
    steps: list[tuple[int, int]] = []
    trained = train(engine, tmp_path / "gen-1", on_step=lambda *step: bool(steps.append(step)))
    assert steps == [(i, 9) for i in range(1, 10)]
    assert trained.last_loss < 0.9 * trained.first_loss
    assert (trained.examples, trained.steps) == (len(CONVERSATIONS), 9)
    assert files(tmp_path) == ["gen-1", *(f"gen-1/{file}" for file in FILES)]
    assert capfd.readouterr() == ("", "")

    after = {
        key.replace(".base_layer", ""): value
        for key, value in engine.base.state_dict().items()
        if "lora_" not in key
    }
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    assert not engine.tuned.training
    assert engine.base.config.use_cache == use_cache
    assert engine.nll(rows(engine), "base") == pytest.approx(scores, abs=1e-5)
    assert sum(engine.nll(rows(engine), "current")) < sum(scores)


def test_the_adapter_is_plain_peft_on_all_linear_layers(tmp_path: Path) -> None:
    engine = tiny.engine("llama3")
    train(engine, tmp_path / "gen-1")
    base = AutoModelForCausalLM.from_pretrained(tiny.folder("llama3"))
    inside = {name for name, part in base.named_modules() if isinstance(part, torch.nn.Linear)}
    with warnings.catch_warnings():  # PEFT asks for a property that transformers deprecates
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        plain = PeftModel.from_pretrained(base, str(tmp_path / "gen-1")).eval()
    tuned = {name for name, _ in plain.get_base_model().named_modules()}
    assert {name for name in inside if f"{name}.lora_A" in tuned} == inside - {"lm_head"}
    ids = torch.tensor([rows(engine)[0][0]])
    with torch.no_grad():
        expected, found = plain(input_ids=ids).logits, engine.tuned(input_ids=ids).logits
    assert torch.allclose(found, expected, atol=1e-5)


def test_the_first_loss_is_on_the_assistants_tokens_alone(tmp_path: Path) -> None:
    """The first loss of a new adapter is the base's: a mean over the step's tokens, not its
    examples."""
    engine = tiny.engine("mistral")
    examples = [engine.chat.example(turns) for turns in CONVERSATIONS]
    order = trainer.in_order([len(ids) for ids, _ in examples], 4, 3, seed=5)
    total = count = 0.0
    for ids, labels in (examples[i] for i in order[:4]):
        start = next(i for i, label in enumerate(labels) if label != IGNORED)
        row = (ids[:start], ids[start:])
        total += tiny.naive_nll(engine.base, row) * len(row[1])
        count += len(row[1])
    assert train(engine, tmp_path / "gen-1").first_loss == pytest.approx(total / count, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [1, 4, 7])
@pytest.mark.parametrize("micro", [4, 1])
def test_an_interrupted_training_ends_as_if_it_had_not_been(
    micro: int, stop: int, tmp_path: Path
) -> None:
    """In each epoch, with accumulation and without."""
    settings = SETTINGS.model_copy(update={"micro_batch": micro})
    whole = train(tiny.engine("qwen2"), tmp_path / "whole", settings)
    engine = tiny.engine("qwen2")
    with pytest.raises(Stopped):
        train(engine, tmp_path / "gen-1", settings, lambda done, total: done == stop)
    assert not (tmp_path / "gen-1").exists()
    assert (tmp_path / "gen-1.partial" / f"checkpoint-{stop}").is_dir()
    untouched = tiny.engine("qwen2").nll(rows(engine), "base")
    assert engine.nll(rows(engine), "current") == untouched  # half-trained weights are nobody's

    torch.rand(3)  # another process has another past
    steps: list[int] = []
    again = train(
        tiny.engine("qwen2"),
        tmp_path / "gen-1",
        settings,
        lambda done, total: bool(steps.append(done)),
    )
    assert steps == list(range(stop + 1, 10))
    assert again == whole
    assert adapter(tmp_path / "gen-1") == adapter(tmp_path / "whole")
    assert not (tmp_path / "gen-1.partial").exists()


@pytest.mark.slow
@pytest.mark.parametrize("at", [2, 7, 18, 19])
def test_interrupted_in_the_midst_of_a_step_it_ends_the_same(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the first step, later, in the last one, and after it; with chance (dropout) at work."""
    model = tiny.make(tiny.KINDS["qwen2"], tmp_path / "model", attention_dropout=0.2)
    whole = train(tiny.engine(model), tmp_path / "whole")
    assert train(tiny.engine("qwen2"), tmp_path / "without").first_loss != whole.first_loss
    states, calls = Likelihood.states, 0

    def interrupted(self: Likelihood, *arguments: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == at:
            torch.rand(3)  # as dropout does in the step that is given up
            interrupt()
        return states(self, *arguments)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(Likelihood, "states", interrupted)
        train(tiny.engine(model), tmp_path / "gen-1")
    assert not (tmp_path / "gen-1").exists()
    steps = min((at - 1) // 2, 9)
    assert (tmp_path / "gen-1.partial" / f"checkpoint-{steps}").is_dir() is (steps > 0)
    assert train(tiny.engine(model), tmp_path / "gen-1") == whole
    assert adapter(tmp_path / "gen-1") == adapter(tmp_path / "whole")


@pytest.mark.slow
def test_a_checkpoint_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"checkpoint_steps": 2})
    whole = train(tiny.engine("qwen2"), tmp_path / "whole", settings)
    with pytest.raises(Stopped):
        train(tiny.engine("qwen2"), tmp_path / "gen-1", settings, lambda done, total: done == 5)
    broken = tmp_path / "gen-1.partial" / "checkpoint-6"
    broken.mkdir()
    (broken / "adapter_model.safetensors").write_bytes(b"half")
    assert train(tiny.engine("qwen2"), tmp_path / "gen-1", settings) == whole


@pytest.mark.slow
def test_a_checkpoint_of_another_training_is_passed_over(tmp_path: Path) -> None:
    whole = train(tiny.engine("qwen2"), tmp_path / "whole", seed=6)
    with pytest.raises(Stopped):
        train(tiny.engine("qwen2"), tmp_path / "gen-1", on_step=lambda done, total: done == 5)
    assert train(tiny.engine("qwen2"), tmp_path / "gen-1", seed=6) == whole


def test_a_checkpoint_of_the_version_before_soft_targets_is_used(tmp_path: Path) -> None:
    """That version named this training by this digest."""
    with pytest.raises(Stopped):
        train(tiny.engine("qwen2"), tmp_path / "gen-1", on_step=lambda done, total: done == 1)
    key = "d5e42801924c6e6baae6bbfdc34d155fa007b0ac84415c9f642f4f23db375736"
    assert (tmp_path / "gen-1.partial" / "key").read_text(encoding="utf-8") == key


@pytest.mark.slow
def test_a_continued_adapter_starts_where_it_was_left_and_rollback_starts_anew(
    tmp_path: Path,
) -> None:
    engine = tiny.engine("qwen2")
    first = train(engine, tmp_path / "gen-1")
    left = engine.nll(rows(engine), "current")
    second = train(engine, tmp_path / "gen-2", seed=6)
    assert second.first_loss < 0.8 * first.first_loss

    other = tiny.engine("qwen2")
    other.set_adapter(tmp_path / "gen-1")
    assert other.nll(rows(other), "current") == pytest.approx(left, abs=1e-6)
    assert train(other, tmp_path / "again", seed=6) == second

    engine.set_adapter(None)
    assert train(engine, tmp_path / "anew") == first
    engine.set_adapter(tmp_path / "gen-1")
    assert train(engine, tmp_path / "gen-2b", seed=6) == second


@pytest.mark.slow
def test_checkpointing_activations_changes_nothing_but_memory(tmp_path: Path) -> None:
    plain, saving = tiny.engine("qwen2"), tiny.engine("qwen2")
    settings = SETTINGS.model_copy(update={"checkpointing": "on"})
    first = train(plain, tmp_path / "plain")
    assert train(saving, tmp_path / "saving", settings)[:3] == first[:3]
    prompts, how = [CONVERSATIONS[0][:1]], SamplingParams(0.0, 1.0, 8)
    saving.set_adapter(None)
    train(saving, tmp_path / "anew", settings)
    reply = saving.generate(prompts, how, 0, "current")
    assert reply == plain.generate(prompts, how, 0, "current")


def test_checkpoints_ask_no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tiny.engine("qwen2")
    engine.base.config._name_or_path = engine.base.name_or_path = "somebody/a-model"
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    train(engine, tmp_path / "gen-1", SETTINGS.model_copy(update={"checkpoint_steps": 3}))
    assert files(tmp_path / "gen-1") == FILES


@pytest.mark.slow
def test_a_training_leaves_nothing_in_memory(tmp_path: Path) -> None:
    engine = tiny.engine("qwen2")
    sizes = []
    for generation in (1, 2, 3):
        train(engine, tmp_path / f"gen-{generation}", seed=generation)
        gc.collect()
        assert not [one for one in gc.get_objects() if issubclass(type(one), Trainer)]
        sizes.append(
            sum(one.numel() for one in gc.get_objects() if issubclass(type(one), torch.Tensor))
        )
    assert sizes[2] <= sizes[0]


def test_mixed_precision_is_not_wrapped_around_the_model_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trainer.training_arguments
    monkeypatch.setattr(
        trainer, "training_arguments", lambda *given: replace(made(*given), bf16=True)
    )
    engine = tiny.engine("qwen2", dtype="bfloat16")
    for generation in (1, 2):
        train(engine, tmp_path / f"gen-{generation}")
        assert engine.tuned.forward.__func__ is type(engine.tuned).forward


def test_memory_that_does_not_hold_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("too much")

    monkeypatch.setattr(trainer, "collate", fail)
    with pytest.raises(UserError, match=r"--train\.micro-batch"):
        train(tiny.engine("qwen2"), tmp_path / "gen-1")


def test_longer_examples_are_left_out(tmp_path: Path) -> None:
    engine = tiny.engine("qwen2")
    lengths = sorted(len(engine.chat.example(turns)[0]) for turns in CONVERSATIONS)
    settings = SETTINGS.model_copy(update={"max_tokens": lengths[4], "epochs": 1})
    trained = train(engine, tmp_path / "gen-1", settings)
    assert trained.examples == sum(length <= lengths[4] for length in lengths) < len(lengths)
    with pytest.raises(UserError, match=r"none of 12 training examples .*--train\.max-tokens"):
        train(engine, tmp_path / "gen-2", settings.model_copy(update={"max_tokens": 3}))


def test_the_caller_hears_the_loss_of_each_step(tmp_path: Path) -> None:
    losses: list[float] = []
    job = TrainingJob(
        CONVERSATIONS,
        SETTINGS,
        RATE,
        tmp_path / "gen-1",
        5,
        lambda done, total: False,
        on_loss=losses.append,
    )
    trained = tiny.engine("qwen2").train(job)
    assert len(losses) == trained.steps and losses[0] == trained.first_loss
