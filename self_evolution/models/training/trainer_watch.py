"""Reports the steps of a training and their loss to its caller."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from self_evolution.models.training.job import TrainingJob


class Watch(TrainerCallback):  # type: ignore[misc]
    """Reports each step to the caller, and stops with a checkpoint when the caller asks for it."""

    def __init__(self, job: TrainingJob) -> None:
        self._job = job
        self.stopped = False

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **_: Any,
    ) -> None:
        stop = self._job.on_step(state.global_step, state.max_steps)
        if stop and state.global_step < state.max_steps:
            self.stopped = True
            control.should_save = True
            control.should_training_stop = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        if logs and "loss" in logs:
            self._job.on_loss(logs["loss"])
