"""Training an adapter on token ids and labels, on transformers' Trainer.

Its logging back ends, launchers, FSDP and checkpoints come with it. Examples of like length go
into a batch together, because padding is most of the cost of short pairs.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint

from self_evolution.config import Train
from self_evolution.engines.base import Trained
from self_evolution.engines.chat import IGNORED
from self_evolution.errors import Stopped
from self_evolution.training import lora

Encoded = tuple[list[int], list[int]]


def train(
    model: Any,
    examples: Sequence[Encoded],
    pad: int,
    settings: Train,
    learning_rate: float,
    folder: Path,
    seed: int,
    on_step: Callable[[int, int], bool],
) -> Trained:
    """Train `model`'s adapter on (ids, labels) examples and save it in `folder`.

    Goes on from the checkpoint that an interrupted call left beside `folder`, with the same
    result as without the interruption. Raises Stopped when `on_step` returns True.
    """
    partial = folder.with_name(folder.name + ".partial")
    watch = _Watch(on_step)
    loop = Trainer(
        model=model,
        args=_arguments(model, settings, learning_rate, partial, seed, len(examples)),
        train_dataset=[{"input_ids": ids, "labels": labels} for ids, labels in examples],
        data_collator=lambda batch: collate(batch, pad),
        callbacks=[watch],
    )
    loop.remove_callback(PrinterCallback)
    checkpoint = get_last_checkpoint(str(partial)) if partial.is_dir() else None
    model.train()
    try:
        loop.train(resume_from_checkpoint=checkpoint)
    finally:
        model.eval()
    if watch.stopped:
        raise Stopped
    losses = [entry["loss"] for entry in loop.state.log_history if "loss" in entry]
    digest = lora.save(model, folder)
    shutil.rmtree(partial, ignore_errors=True)
    return Trained(digest, len(examples), loop.state.global_step, losses[0], losses[-1])


def collate(batch: Sequence[dict[str, list[int]]], pad: int) -> dict[str, torch.Tensor]:
    """Rows of token ids and labels, padded on the right, as tensors (B, T)."""
    size = max(len(row["input_ids"]) for row in batch)

    def padded(key: str, filler: int) -> torch.Tensor:
        return torch.tensor([row[key] + [filler] * (size - len(row[key])) for row in batch])

    ones = [[1] * len(row["input_ids"]) + [0] * (size - len(row["input_ids"])) for row in batch]
    return {
        "input_ids": padded("input_ids", pad),
        "attention_mask": torch.tensor(ones),
        "labels": padded("labels", IGNORED),
    }


def _arguments(
    model: Any, settings: Train, learning_rate: float, partial: Path, seed: int, examples: int
) -> TrainingArguments:
    micro = min(settings.micro_batch, settings.batch_size)
    accumulation = -(-settings.batch_size // micro)
    steps = settings.epochs * -(-examples // (micro * accumulation))
    device = model.device.type
    return TrainingArguments(
        output_dir=str(partial),
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=accumulation,
        num_train_epochs=settings.epochs,
        learning_rate=learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=round(settings.warmup * steps),
        weight_decay=settings.weight_decay,
        train_sampling_strategy="group_by_length",
        gradient_checkpointing=settings.gradient_checkpointing,
        bf16=device == "cuda" and next(model.parameters()).dtype == torch.bfloat16,
        use_cpu=device == "cpu",
        save_strategy="steps" if settings.checkpoint_steps else "no",
        save_steps=settings.checkpoint_steps or 500,
        save_total_limit=1,
        logging_strategy="steps",
        logging_steps=max(1, steps // 20),
        logging_first_step=True,
        report_to=list(settings.report_to) or "none",
        disable_tqdm=True,
        dataloader_pin_memory=device == "cuda",
        remove_unused_columns=False,
        seed=seed,
    )


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Tells the caller of each step, and stops with a checkpoint when it says so."""

    def __init__(self, on_step: Callable[[int, int], bool]) -> None:
        self._on_step = on_step
        self.stopped = False

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> None:
        stop = self._on_step(state.global_step, state.max_steps)
        if stop and state.global_step < state.max_steps:
            self.stopped = True
            control.should_save = True
            control.should_training_stop = True
