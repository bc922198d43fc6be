"""The examples that make up a step of training."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from self_evolution.config import Train
from self_evolution.models import TrainingJob
from self_evolution.models.training import trainer
from self_evolution.stages.train import sampled

RATE = 1e-3


@pytest.mark.parametrize(("batch", "micro", "expected"), [(16, 4, 4), (6, 4, 3), (7, 4, 1)])
def test_a_step_has_just_so_many_examples(
    batch: int, micro: int, expected: int, tmp_path: Path
) -> None:
    settings = Train(batch_size=batch, micro_batch=micro, warmup=0.1)
    job = TrainingJob([], settings, RATE, tmp_path / "gen-1", 0, lambda done, total: False)
    made = trainer.training_arguments(tiny.model("qwen2"), job, tmp_path, 100)
    assert made.per_device_train_batch_size == expected
    assert expected * made.gradient_accumulation_steps == batch
    assert made.warmup_steps == round(0.1 * -(-100 // batch))


@given(st.lists(st.integers(1, 90), min_size=1, max_size=70), st.integers(1, 9), st.integers(1, 3))
def test_the_order_has_every_example_once_an_epoch(
    lengths: list[int], batch: int, epochs: int
) -> None:
    order, size = trainer.in_order(lengths, batch, epochs, seed=1), len(lengths)
    for epoch in range(epochs):
        assert sorted(order[epoch * size : (epoch + 1) * size]) == list(range(size))
    assert order[:size] == trainer.in_order(lengths, batch, 1, seed=1)


@given(st.lists(st.integers(1, 90), min_size=1, max_size=50), st.integers(1, 9), st.integers(1, 30))
def test_a_number_of_steps_cuts_the_order_or_goes_on_with_it(
    lengths: list[int], batch: int, steps: int
) -> None:
    order = trainer.in_order(lengths, batch, 1, 1, steps)
    assert len(order) == steps * batch
    long = trainer.in_order(lengths, batch, -(-len(order) // len(lengths)), 1)
    assert order == long[: len(order)]


@given(st.integers(1, 40), st.integers(1, 100), st.integers(0, 3))
def test_a_number_of_samples_cuts_the_set_or_repeats_it(size: int, samples: int, seed: int) -> None:
    rows = [[{"role": "user", "content": str(i)}] for i in range(size)]
    found = [row[0]["content"] for row in sampled(rows, samples, seed)]
    assert len(found) == samples
    times = [found.count(str(i)) for i in range(size)]
    assert max(times) - min(times) <= 1
    assert found == [row[0]["content"] for row in sampled(rows, samples, seed)]


def test_each_generation_has_its_own_number() -> None:
    settings = Train(steps=(3, 5), samples=(7,))
    found = [(one.steps, one.samples) for one in map(settings.of, (1, 2, 3))]
    assert found == [((3,), (7,)), ((5,), (7,)), ((5,), (7,))]
    assert Train().of(2) == Train()


def test_the_examples_of_a_step_have_like_lengths() -> None:
    """Padding is a few percent of what it is in a random order; every length is met early."""
    lengths = [10 + 7 * i % 300 for i in range(400)]

    def padded(order: list[int]) -> int:
        steps = [order[i : i + 8] for i in range(0, len(order), 8)]
        return sum(max(lengths[i] for i in step) * len(step) for step in steps)

    order = trainer.in_order(lengths, 8, 2, seed=0)
    assert padded(order) < 1.05 * 2 * sum(lengths)
    early = [lengths[i] for i in order[:80]]
    assert min(early) < 100 < 200 < max(early)
