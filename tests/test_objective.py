"""The loss with rehearsal, against a computation by hand from the model's own logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.config import Train
from self_evolution.errors import Stopped
from self_evolution.models import likelihood
from self_evolution.models.training import lora, trainer
from self_evolution.models.training import objective as objective_module
from self_evolution.models.training.job import IGNORED, Example, Trained, TrainingJob
from self_evolution.models.training.objective import Batch, Objective, cuts
from self_evolution.models.transformers_engine import TransformersEngine

KINDS = ["qwen2", "gemma2", "granite"]  # plain, with capped logits, with logits of its own making
SETTINGS = Train(
    rank=4, alpha=8, epochs=2, batch_size=4, micro_batch=2, checkpoint_steps=0, rehearsal_weight=3.0
)
RATE = 1e-2
CONVERSATIONS = [
    [
        {"role": "user", "content": f"Which alarm is {number}?"},
        {"role": "assistant", "content": "The pump " + "stops " * (1 + number % 4) + str(number)},
    ]
    for number in range(10)
]
REHEARSED = [number % 3 == 1 for number in range(10)]


def stirred(name: str) -> tuple[TransformersEngine, Objective]:
    """An engine with an adapter that does something, and the objective on it."""
    engine = tiny.engine(name)
    engine.tuned = lora.attach(engine.base, None, SETTINGS, seed=1)
    tiny.stir(engine.tuned)
    return engine, Objective(engine.tuned, engine._likelihood)


def examples(engine: TransformersEngine) -> list[Example]:
    pairs = zip(CONVERSATIONS, REHEARSED, strict=True)
    return [Example(*engine.chat.example(turns), mark) for turns, mark in pairs]


def batch(engine: TransformersEngine, rows: list[Example]) -> Batch:
    return Batch.of(rows, engine.chat.pad)


def by_hand(engine: TransformersEngine, row: Example) -> tuple[float, float, int]:
    """(NLL, KL(base || tuned)) summed over the answer's tokens, and how many these are."""

    def logs(model: Any) -> torch.Tensor:
        with torch.no_grad():
            found = model(input_ids=torch.tensor([row.ids])).logits[0].double()
        return found.log_softmax(-1)

    tuned = logs(engine.tuned)
    with engine.tuned.disable_adapter():
        base = logs(engine.tuned)
    places = [i - 1 for i, label in enumerate(row.labels) if label != IGNORED]
    nll = -sum(float(tuned[i, row.ids[i + 1]]) for i in places)
    kl = sum(float((base[i].exp() * (base[i] - tuned[i])).sum()) for i in places)
    return nll, kl, len(places)


@pytest.mark.parametrize("tile", [1, 7, 1 << 20], ids=["one token", "seven tokens", "all"])
@pytest.mark.parametrize("name", KINDS)
def test_the_loss_is_that_of_a_computation_by_hand(
    name: str, tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, objective = stirred(name)
    size = engine.base.config.get_text_config().vocab_size
    monkeypatch.setattr(likelihood, "TILE_NUMBERS", tile * size)
    rows = examples(engine)
    sums = [by_hand(engine, row) for row in rows]
    pairs = zip(rows, sums, strict=True)
    expected = sum(3.0 * kl if row.rehearsed else nll for row, (nll, kl, _) in pairs)
    tokens = sum(n for _, _, n in sums)
    found = objective.loss(batch(engine, rows), 3.0).detach()
    assert float(found) / tokens == pytest.approx(expected / tokens, abs=1e-5)
    moved = objective.divergence(batch(engine, rows)).detach()
    assert float(moved) / tokens == pytest.approx(sum(kl for _, kl, _ in sums) / tokens, abs=1e-5)
    assert sum(kl for _, kl, _ in sums) / tokens > 1e-3


def gradients(engine: TransformersEngine, objective: Objective, parts: list[Batch]) -> torch.Tensor:
    engine.tuned.zero_grad()
    for part in parts:
        objective.loss(part, 3.0).backward()
    found = [p.grad.flatten() for p in engine.tuned.parameters() if p.grad is not None]
    return torch.cat(found)


@pytest.mark.parametrize("name", KINDS)
def test_tiles_and_micro_batches_leave_the_gradient_as_it_is(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, objective = stirred(name)
    rows = examples(engine)
    whole = gradients(engine, objective, [batch(engine, rows)])
    assert float(whole.norm()) > 0.1
    monkeypatch.setattr(likelihood, "TILE_NUMBERS", 1)
    ones = gradients(engine, objective, [batch(engine, [row]) for row in rows])
    assert float((ones - whole).norm() / whole.norm()) < 1e-5


def test_no_example_of_a_batch_attends_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss of a batch is the sum of its examples' own, in one padded pass or in several."""
    engine, objective = stirred("qwen2")
    rows = examples(engine)
    alone = [float(objective.loss(batch(engine, [row]), 3.0).detach()) for row in rows]
    for price in (0, 1 << 20):
        monkeypatch.setitem(objective_module.PASS_TOKENS, "cpu", price)
        found = float(objective.loss(batch(engine, rows), 3.0).detach())
        assert found == pytest.approx(sum(alone), rel=1e-5)


def test_a_batch_is_cut_with_the_bases_states_of_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, objective = stirred("qwen2")
    rows = examples(engine)
    base = objective.base_states(rows, engine.chat.pad, 4)
    whole = Batch(**trainer.collate(rows, base, {}, range(len(rows)), engine.chat.pad))
    monkeypatch.setitem(objective_module.PASS_TOKENS, "cpu", 0)
    parts = whole.parts()
    assert len(parts) == len({len(row.ids) for row in rows}) > 2
    assert all(part.attention_mask.all() for part in parts)  # no padding is left
    assert whole.base is not None
    kept = [part.base for part in parts if part.base is not None]
    assert torch.equal(torch.cat(kept), whole.base)
    without = [part._replace(base=None) for part in parts]
    found, made = (
        [float(objective.loss(p, 3.0).detach()) for p in few] for few in (parts, without)
    )
    assert found == pytest.approx(made, rel=1e-5)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(0, 100))
def test_batches_are_cut_where_it_costs_least(lengths: list[int], price: int) -> None:
    def cost(ends: Sequence[int]) -> int:
        parts = [lengths[a:b] for a, b in pairwise([0, *ends])]
        return sum(max(part) * len(part) + price for part in parts)

    size = len(lengths)
    inner = range(1, size)
    ways = [[*some, size] for n in range(size) for some in combinations(inner, n)]
    assert cost(cuts(lengths, price)) == min(map(cost, ways))


def test_a_new_adapter_has_no_divergence_and_rehearsal_no_gradient(tmp_path: Path) -> None:
    engine = tiny.engine("qwen2")
    engine.tuned = lora.attach(engine.base, None, SETTINGS, seed=1)
    objective = Objective(engine.tuned, engine._likelihood)
    rows = [row._replace(rehearsed=True) for row in examples(engine)]
    assert abs(float(objective.divergence(batch(engine, rows)).detach())) < 1e-5
    assert float(gradients(engine, objective, [batch(engine, rows)]).norm()) < 1e-5


def train(
    folder: Path, settings: Train = SETTINGS, marks: list[bool] = REHEARSED, stop: int = 0
) -> Trained:
    return run(tiny.engine("qwen2"), folder, settings, marks, stop)


def run(
    engine: TransformersEngine, folder: Path, settings: Train, marks: list[bool], stop: int = 0
) -> Trained:
    job = TrainingJob(
        CONVERSATIONS, settings, RATE, folder, 5, lambda done, total: done == stop, marks
    )
    return engine.train(job)


def weights(folder: Path) -> bytes:
    return (folder / "adapter_model.safetensors").read_bytes()


@pytest.mark.parametrize("micro", [4, 1])
def test_the_first_loss_is_a_mean_over_the_tokens_of_the_step(micro: int, tmp_path: Path) -> None:
    """A new adapter is the base, so rehearsal adds tokens and no loss."""
    engine = tiny.engine("qwen2")
    rows = examples(engine)
    order = trainer.in_order([len(row.ids) for row in rows], 4, 2, seed=5)
    total = tokens = 0.0
    for row in (rows[i] for i in order[:4]):
        start = next(i for i, label in enumerate(row.labels) if label != IGNORED)
        count = len(row.ids) - start
        tokens += count
        if not row.rehearsed:
            total += tiny.naive_nll(engine.base, (row.ids[:start], row.ids[start:])) * count
    found = train(tmp_path / "gen-1", SETTINGS.model_copy(update={"micro_batch": micro}))
    assert found.first_loss == pytest.approx(total / tokens, abs=1e-5)
    assert found.divergence > 0.01


@pytest.mark.parametrize("stop", [1, 3])
def test_an_interrupted_training_ends_as_if_it_had_not_been(stop: int, tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    with pytest.raises(Stopped):
        train(tmp_path / "gen-1", stop=stop)
    assert train(tmp_path / "gen-1") == whole
    assert weights(tmp_path / "gen-1") == weights(tmp_path / "whole")


def test_the_bases_states_may_be_made_in_each_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where they are too many to be kept, the training comes to the same."""
    kept = train(tmp_path / "kept")
    monkeypatch.setattr(objective_module, "KEPT_NUMBERS", 0)
    made = train(tmp_path / "made")
    assert made.last_loss == pytest.approx(kept.last_loss, abs=1e-4)
    assert made.divergence == pytest.approx(kept.divergence, abs=1e-4)


@pytest.mark.parametrize("name", KINDS)
def test_the_bases_states_are_those_of_each_example(name: str) -> None:
    engine, objective = stirred(name)
    rows = examples(engine)
    found = objective.base_states(rows, engine.chat.pad, 3)
    assert sorted(found) == [i for i, row in enumerate(rows) if row.rehearsed]
    for i, states in found.items():
        with engine.tuned.disable_adapter(), torch.no_grad():
            alone = batch(engine, [rows[i]])
            chosen = alone.wanted != IGNORED
            own = engine._likelihood.states(alone.input_ids, alone.attention_mask, chosen)
        assert torch.allclose(states, own, atol=1e-5)


def test_in_mixed_precision_it_trains_and_leaves_the_model_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trainer.training_arguments
    monkeypatch.setattr(
        trainer, "training_arguments", lambda *given: replace(made(*given), bf16=True)
    )
    engine = tiny.engine("qwen2", dtype="bfloat16")
    found = run(engine, tmp_path / "gen-1", SETTINGS, REHEARSED)
    assert 0 < found.last_loss < found.first_loss and 0 < found.divergence < 10
    assert engine.tuned.forward.__func__ is type(engine.tuned).forward


def test_rehearsal_by_likelihood_trains_as_if_it_were_new(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"rehearsal_loss": "nll"})
    train(tmp_path / "nll", settings)
    train(tmp_path / "new", settings, [])
    train(tmp_path / "kl")
    assert weights(tmp_path / "nll") == weights(tmp_path / "new") != weights(tmp_path / "kl")


def test_rehearsal_keeps_the_base_nearer(tmp_path: Path) -> None:
    """On what is rehearsed, after as many steps on the same conversations."""
    moved = {}
    for loss in ("kl", "nll"):
        engine = tiny.engine("qwen2")
        settings = SETTINGS.model_copy(update={"rehearsal_loss": loss, "epochs": 6})
        run(engine, tmp_path / loss, settings, REHEARSED)
        rows = [row for row in examples(engine) if row.rehearsed]
        objective = Objective(engine.tuned, engine._likelihood)
        moved[loss] = float(objective.divergence(batch(engine, rows)).detach())
    assert moved["kl"] < 0.5 * moved["nll"]


def test_the_matrices_b_may_have_a_rate_of_their_own(tmp_path: Path) -> None:
    """In the first step Adam moves each number by its rate, whatever the gradient."""
    settings = SETTINGS.model_copy(update={"steps": (1,), "schedule": "constant", "warmup": 0.0})
    for ratio in (1.0, 4.0):
        engine = tiny.engine("qwen2")
        run(
            engine,
            tmp_path / str(ratio),
            settings.model_copy(update={"lora_plus_ratio": ratio}),
            [],
        )
        moved = [p.abs().max() for name, p in engine.tuned.named_parameters() if "lora_B" in name]
        assert float(max(moved).detach()) == pytest.approx(ratio * RATE, rel=1e-3)


def test_interrupted_with_two_rates_it_ends_the_same(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"lora_plus_ratio": 4.0})
    whole = train(tmp_path / "whole", settings)
    with pytest.raises(Stopped):
        train(tmp_path / "gen-1", settings, stop=2)
    assert train(tmp_path / "gen-1", settings) == whole
    assert weights(tmp_path / "gen-1") == weights(tmp_path / "whole")
