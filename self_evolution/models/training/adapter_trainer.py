"""transformers' Trainer with our loss, whose steps any number of processes share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer

from self_evolution.config import Train
from self_evolution.meter import pulse
from self_evolution.models.training import lora
from self_evolution.models.training.objective import Batch, Objective
from self_evolution.models.training.world import World, apart, checksum
from self_evolution.progress import interruptible
from self_evolution.records import seed_of


class AdapterTrainer(Trainer):  # type: ignore[misc]
    """Saves checkpoints without asking a hub, which PEFT does to see whether the vocabulary
    grew."""

    _objective: Objective
    _world: World
    _begun = -1
    """The last step whose first micro-batch has begun."""
    _losses: list[torch.Tensor]
    """This process's losses of the step."""

    def use(self, objective: Objective, settings: Train, world: World) -> None:
        """Take the loss from `objective`, with the weights that `settings` give to its parts."""
        self._objective, self._world = objective, world
        self._parts = settings.rehearsal_weight, settings.distill_share
        self._weights = self.model.num_parameters(exclude_embeddings=True)
        # Has the target tokens of the whole step counted, by which the loss is divided.
        self.model_accepts_loss_kwargs = self.loss_is_scaled_for_ga = True

    def get_batch_samples(self, *arguments: Any) -> tuple[list[Any], torch.Tensor]:
        """The micro-batches of a step, and its target tokens in all processes."""
        samples, tokens = super().get_batch_samples(*arguments)
        with self._with_others():
            self._world.add([tokens])
        return samples, tokens

    def compute_loss(self, model: Any, inputs: dict[str, Any], *rest: Any, **more: Any) -> Any:
        with self.accelerator.autocast():
            total = self._objective.loss(Batch(**inputs), *self._parts)
        return total / more["num_items_in_batch"]

    def training_step(self, *arguments: Any, **more: Any) -> torch.Tensor:
        """Forward and backward of a micro-batch; an interruption leaves the weights as they are.

        The last one of a step has the gradients and the loss of all processes.
        """
        if self._begun != self.state.global_step:  # the first micro-batch of a step
            self._begun, self._losses = self.state.global_step, []
            torch.manual_seed(seed_of(self.args.seed, self._begun, self._world.rank))
        with self._with_others(), interruptible():
            loss: torch.Tensor = super().training_step(*arguments, **more)
            if self._world.size > 1:
                loss = self._together(loss)
        mask = arguments[1]["attention_mask"]
        pulse(int(mask.sum()), "train", mask.shape[1])
        return loss

    @contextmanager
    def _with_others(self) -> Iterator[None]:
        """Keep the last step if this one fails, perhaps because another process is gone."""
        try:
            yield
        except RuntimeError:
            if self._world.size > 1:
                self.keep_last_step()
            raise

    def _together(self, loss: torch.Tensor) -> torch.Tensor:
        """At the end of a step: add the gradients of all processes, and return the loss of all.

        Raises UserError if the adapters of the processes differ: then the steps before this one
        were not the same.
        """
        self._losses.append(loss)
        if not self.accelerator.sync_gradients:
            return torch.zeros_like(loss)
        total = torch.stack(self._losses).sum()
        trained = [weight for weight in self.model.parameters() if weight.requires_grad]
        for weight in trained:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        own = total.new_tensor(checksum(trained))
        every = own.clone()
        self._world.add([*(weight.grad for weight in trained), total, every])
        if every != own * self._world.size:
            raise apart(self._world.size, f"before step {self.state.global_step + 1}")
        return total

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Estimate the floating-point operations of a micro-batch, as the Trainer does.

        The weights are counted once, and not anew in each step.
        """
        return int(6 * inputs["input_ids"].numel() * self._weights)

    def keep_last_step(self) -> None:
        """Write the checkpoint of the last whole step, unless it is there.

        It is not written over: whatever ends the process in the midst of that would leave a half.
        """
        step = self.state.global_step
        state = Path(self.args.output_dir, f"checkpoint-{step}", "trainer_state.json")
        if step and not state.is_file():
            self._save_checkpoint(self.model, trial=None)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if self._world.leads:
            super()._save_checkpoint(model, trial)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        lora.write(self.model, Path(output_dir or self.args.output_dir))
