"""Training steps of TRL's SFT trainer, for benchmarks/peers.py."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from typing import Any

from self_evolution.config import Train
from self_evolution.models.training.job import Example


def trl_steps(
    tuned: Any, tokenizer: Any, rows: Sequence[Example], settings: Train, rate: float
) -> tuple[list[float], list[float]]:
    """(CPU time at the end of each step, its loss) of training on the rows in their order."""
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    stamps: list[float] = []

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            stamps.append(time.process_time())

    data = Dataset.from_list(
        [
            {"input_ids": row.ids, "completion_mask": [int(one != -100) for one in row.labels]}
            for row in rows
        ]
    )
    with tempfile.TemporaryDirectory() as scratch:
        arguments = SFTConfig(
            output_dir=scratch,
            per_device_train_batch_size=settings.micro_batch,
            gradient_accumulation_steps=settings.batch_size // settings.micro_batch,
            max_steps=settings.steps[0],
            learning_rate=rate,
            lr_scheduler_type=settings.schedule,
            warmup_steps=0,
            train_sampling_strategy="sequential",
            completion_only_loss=True,
            max_length=None,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
        )
        loop = SFTTrainer(
            model=tuned,
            args=arguments,
            train_dataset=data,
            processing_class=tokenizer,
            callbacks=[Watch()],
        )
        loop.remove_callback(PrinterCallback)
        loop.train()
    return stamps, [entry["loss"] for entry in loop.state.log_history if "loss" in entry]
