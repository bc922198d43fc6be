"""The engine on transformers: one model in memory that generates, scores and trains in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import GenerationConfig

from self_evolution.config import Model, Train
from self_evolution.errors import UserError
from self_evolution.models import lora, trainer, weights
from self_evolution.models.chat_template import Chat
from self_evolution.models.counting import count
from self_evolution.models.likelihood import Likelihood
from self_evolution.models.protocols import Reply, Row, Sampling, Who
from self_evolution.models.training import Trained
from self_evolution.records import Message

In = TypeVar("In")
Out = TypeVar("Out")


class ResidentEngine:
    """Holds the base model, and on it at most one LoRA adapter, which is never merged."""

    at_once = 1

    def __init__(self, settings: Model) -> None:
        model, tokenizer = weights.load(settings)
        self._base = model
        self._tuned: Any = None  # the PEFT model around the same weights, once there is one
        self._adapter: Path | None = None
        self.chat = Chat(
            tokenizer,
            settings.chat_template,
            settings.thinking,
            getattr(model.generation_config, "eos_token_id", None),
        )
        # Its own taste (temperature, repetition penalty, …) would fill in what we leave unsaid.
        model.generation_config = GenerationConfig()
        limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        self.window: int = limit or 1 << 20
        self.revision = weights.revision(weights.locate(settings.name))
        self._likelihood = Likelihood(model)

    # -- tokens ------------------------------------------------------------------------------

    def count(self, texts: Sequence[str]) -> list[int]:
        return count(self.chat.tokenizer, texts)

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        return self.chat.prompt(messages)

    def opening_ids(self) -> list[int]:
        return self.chat.opening()

    def text_ids(self, text: str, *, reply: bool = False) -> list[int]:
        return self.chat.reply(text) if reply else self.chat.text(text)

    # -- the adapter -------------------------------------------------------------------------

    def use(self, adapter: Path | None, sha256: str = "") -> None:
        if adapter is not None and adapter != self._adapter:
            self._tuned = lora.load(self._base, self._tuned, adapter, sha256)
        self._adapter = adapter

    @contextmanager
    def _as(self, who: Who) -> Iterator[Any]:
        """The model to call, with the adapter on or off."""
        if self._tuned is None:
            yield self._base
        elif who == "base" or self._adapter is None:
            with self._tuned.disable_adapter():
                yield self._tuned
        else:
            yield self._tuned

    # -- generating --------------------------------------------------------------------------

    def fits(self, messages: Sequence[Message], max_tokens: int) -> bool:
        return len(self.chat.prompt(messages)) + max_tokens <= self.window

    def generate(
        self, prompts: Sequence[Sequence[Message]], sampling: Sampling, seed: int, who: Who
    ) -> list[Reply]:
        rows = [self.chat.prompt(messages) for messages in prompts]
        longest = max((len(row) for row in rows), default=0)
        if longest + sampling.max_tokens > self.window:
            raise UserError(
                f"a prompt of {longest} tokens and a reply of up to {sampling.max_tokens} do not "
                f"fit the model's window of {self.window}; give a smaller --split.max-tokens"
            )
        return _halving(lambda part: self._generate(part, sampling, seed, who), rows)

    @torch.inference_mode()
    def _generate(
        self, rows: Sequence[list[int]], sampling: Sampling, seed: int, who: Who
    ) -> list[Reply]:
        torch.manual_seed(seed)
        longest = max(len(row) for row in rows)
        ids = torch.full((len(rows), longest), self.chat.pad)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, longest - len(row) :] = torch.tensor(row)
            mask[i, longest - len(row) :] = 1
        how: dict[str, Any] = {"do_sample": False}
        if sampling.temperature > 0:
            how = {
                "do_sample": True,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "top_k": 0,
            }
        config = GenerationConfig(
            max_new_tokens=sampling.max_tokens,
            eos_token_id=self.chat.stops or None,
            pad_token_id=self.chat.pad,
            use_cache=True,
            **how,
        )
        device = self._base.device
        with self._as(who) as model:
            output = model.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                generation_config=config,
            )
        return [self.chat.read(row) for row in output[:, longest:].tolist()]

    # -- scoring -----------------------------------------------------------------------------

    def nll(self, rows: Sequence[Row], who: Who) -> list[float]:
        with self._as(who):
            return _halving(lambda part: self._likelihood.nll(part, self.chat.pad), rows)

    # -- training ----------------------------------------------------------------------------

    def train(
        self,
        conversations: Sequence[Sequence[Message]],
        settings: Train,
        learning_rate: float,
        folder: Path,
        seed: int,
        on_step: Callable[[int, int], bool],
    ) -> Trained:
        examples = [self.chat.example(messages) for messages in conversations]
        fitting = [(ids, labels) for ids, labels in examples if len(ids) <= settings.max_tokens]
        if not fitting:
            raise UserError(
                f"none of {len(examples)} training examples has at most {settings.max_tokens} "
                "tokens; give a larger --train.max-tokens"
            )
        if self._tuned is None or self._adapter is None:
            self._tuned = lora.attach(self._base, self._tuned, settings, seed)
        self._adapter = None  # an interruption leaves weights that are no generation's
        try:
            trained = trainer.train(
                self._tuned, fitting, self.chat.pad, settings, learning_rate, folder, seed, on_step
            )
        except torch.OutOfMemoryError:
            raise UserError(
                "the device's memory does not hold a step of training; give a smaller "
                "--train.micro-batch or --train.max-tokens, or --train.gradient-checkpointing true"
            ) from None
        self._adapter = folder
        return trained


def _halving(work: Callable[[Sequence[In]], list[Out]], rows: Sequence[In]) -> list[Out]:
    """`work(rows)`, in halves where the device's memory does not hold the whole."""
    if not rows:
        return []
    try:
        return work(rows)
    except torch.OutOfMemoryError:
        if len(rows) == 1:
            raise UserError(
                "the device's memory does not hold a single row; give a smaller model, "
                "--split.max-tokens or --score.max-tokens"
            ) from None
    torch.cuda.empty_cache()
    half = len(rows) // 2
    return _halving(work, rows[:half]) + _halving(work, rows[half:])
