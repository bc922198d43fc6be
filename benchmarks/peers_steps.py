"""Training steps of TRL's SFT trainer and those here, for benchmarks/peers.py."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers_models import engine, tokens
from self_evolution.config import Train
from self_evolution.models.training.job import Example, TrainingJob
from self_evolution.models.training.lora import attach
from self_evolution.models.training.objective import Objective
from self_evolution.models.training.trainer import in_order, train

Ways = dict[str, Callable[[], Any]]
STEPS, STEP = 4, 4


def steps(folder: Path) -> Ways:
    """Each way returns CPU seconds of a step, its first loss and its last."""
    torch.manual_seed(2)
    examples = []
    for i in range(STEPS * STEP):
        prompt, answer = tokens(30 + i % 7), tokens(40 + 4 * (i % 11))
        examples.append(Example(prompt + answer, [-100] * len(prompt) + answer))
    settings = Train(
        steps=(STEPS,), batch_size=STEP, micro_batch=STEP, rank=16, warmup=0.0, checkpoint_steps=0
    )
    order = in_order([len(one.ids) for one in examples], STEP, 1, 5, STEPS)
    rate = 1e-3

    def ours() -> tuple[float, float, float]:
        one = engine(folder)
        one.tuned = attach(one.base, None, settings, 3)
        stamps: list[float] = []

        def on_step(done: int, total: int) -> bool:
            stamps.append(time.process_time())
            return False

        with tempfile.TemporaryDirectory() as scratch:
            job = TrainingJob([], settings, rate, Path(scratch) / "gen-1", 5, on_step)
            found = train(one.tuned, examples, Objective(one.tuned, one._likelihood), 0, job)
        return seconds(stamps), found.first_loss, found.last_loss

    def theirs() -> tuple[float, float, float]:
        one = engine(folder)
        tuned = attach(one.base, None, settings, 3)
        for layer in tuned.modules():
            if type(layer).__name__ == "QuickLinear":
                layer.__class__ = type(layer).__mro__[1]  # PEFT's own
        from benchmarks.peers_trl import trl_steps

        rows = [examples[i] for i in order]
        stamps, losses = trl_steps(tuned, one.chat.tokenizer, rows, settings, rate)
        return seconds(stamps), losses[0], losses[-1]

    return {"TRL": theirs, "here": ours}


def seconds(stamps: Sequence[float]) -> float:
    return statistics.median(b - a for a, b in pairwise(stamps))


def step(folder: Path) -> tuple[str, Ways]:
    return "at least 1, the same loss to 1e-4", steps(folder)


def wide_step(folder: Path) -> tuple[str, Ways]:
    return "at least 1.5, the same loss to 1e-4", steps(folder)
