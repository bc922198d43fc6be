"""The engine on transformers: one model in memory that generates, scores and trains in turn."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import GenerationConfig

from self_evolution.config import Model
from self_evolution.errors import UserError
from self_evolution.meter import begin, pulse
from self_evolution.models.base import loading
from self_evolution.models.base.location import locate, revision
from self_evolution.models.chat_template import Chat
from self_evolution.models.decoding import generation
from self_evolution.models.decoding.cache import Columns
from self_evolution.models.likelihood import Likelihood
from self_evolution.models.protocols import (
    EVERYTHING,
    KEPT_NUMBERS,
    OnText,
    Row,
    SamplingParams,
    Seeds,
    Weights,
    seeds_of,
)
from self_evolution.models.reply import Reply, TextStream
from self_evolution.models.tokens import count
from self_evolution.models.training import lora, trainer
from self_evolution.models.training.job import Example, Trained, TrainingJob
from self_evolution.models.training.objective import Objective
from self_evolution.progress import interruptible
from self_evolution.records import Message

In = TypeVar("In")
Out = TypeVar("Out")


class TransformersEngine:
    """Holds the base model, and on it at most one LoRA adapter, which is never merged.

    `base` is the model of transformers; `tuned` is PEFT's model around it, or None.
    """

    capabilities = EVERYTHING
    concurrency = 1

    def __init__(self, settings: Model) -> None:
        model, tokenizer = loading.load(settings)
        self.base = model
        self.tuned: Any = None
        self._adapter: Path | None = None
        self.chat = Chat(
            tokenizer,
            settings.chat_template,
            settings.thinking,
            getattr(model.generation_config, "eos_token_id", None),
        )
        # The model's own settings (temperature, repetition penalty, …) would fill in what we leave.
        model.generation_config = GenerationConfig()
        limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        self.window: int = limit or 1 << 20
        self.revision = revision(locate(settings.name))
        self._likelihood: Any = Likelihood(model)
        self._read: dict[bool, Columns] | None = None

    def close(self) -> None:
        self.base = self.tuned = self._likelihood = self._read = None
        gc.collect()
        torch.cuda.empty_cache()

    # -- tokens ------------------------------------------------------------------------------

    def count(self, texts: Sequence[str]) -> list[int]:
        return count(self.chat.tokenizer, texts)

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        return self.chat.prompt(messages)

    def opening_ids(self) -> list[int]:
        return self.chat.opening()

    def text_ids(self, text: str, *, reply: bool = False) -> list[int]:
        return self.chat.reply(text) if reply else self.chat.text(text)

    def id_texts(self, ids: Sequence[int]) -> list[str]:
        return [self.chat.tokenizer.decode([id]) for id in ids]

    # -- the adapter -------------------------------------------------------------------------

    def set_adapter(self, folder: Path | None, sha256: str = "") -> None:
        if folder is not None and folder != self._adapter:
            self.tuned = lora.load(self.base, self.tuned, folder, sha256)
            self._forget()
        self._adapter = folder

    @contextmanager
    def _model(self, weights: Weights) -> Iterator[Any]:
        """The model to call, with the adapter on or off: its layers are inside the base's."""
        off = self.tuned is not None and (weights == "base" or self._adapter is None)
        # Only the work itself is given up: no layer is left switched off, or half of them on.
        with self.tuned.disable_adapter() if off else nullcontext(), interruptible():
            begin()
            yield self.base

    # -- generating --------------------------------------------------------------------------

    def fits(self, messages: Sequence[Message], max_tokens: int) -> bool:
        return len(self.chat.prompt(messages)) + max_tokens <= self.window

    def generate(
        self,
        prompts: Sequence[Sequence[Message]],
        params: SamplingParams,
        seed: Seeds,
        weights: Weights,
        on_text: OnText | None = None,
    ) -> list[Reply]:
        rows = [self.chat.prompt(messages) for messages in prompts]
        longest = max((len(row) for row in rows), default=0)
        if longest + params.max_tokens > self.window:
            raise UserError(
                f"a prompt of {longest} tokens and a reply of up to {params.max_tokens} do not "
                f"fit the model's window of {self.window}; give a smaller --split.max-tokens"
            )
        streams = [TextStream(partial(on_text, i)) for i in range(len(rows))] if on_text else []
        seeds = seeds_of(seed, len(rows))

        def work(places: Sequence[int]) -> list[Reply]:
            some = [streams[i] for i in places] if streams else []
            request = generation.Request(
                [rows[i] for i in places],
                params,
                [seeds[i] for i in places],
                self.chat.stops,
                self.chat.pad,
            )
            return self._replies(request, weights, some)

        if params.temperature > 0 or streams:
            return halving(work, range(len(rows)))
        first = {tuple(row): i for i, row in reversed(list(enumerate(rows)))}  # asked once
        asked = sorted(first.values())
        replies = dict(zip(asked, halving(work, asked), strict=True))
        return [replies[first[tuple(row)]] for row in rows]

    def _replies(
        self, request: generation.Request, weights: Weights, streams: Sequence[TextStream]
    ) -> list[Reply]:
        """Replies to prompts of token ids; `streams` has one entry for each, or is empty."""

        def on_ids(ids: list[list[int]]) -> None:
            for stream, reply in zip(streams, map(self.chat.read, ids), strict=True):
                stream.update(reply.text)

        tuned = weights == "current" and self._adapter is not None
        sources = [self._read.pop(tuned)] if self._read and tuned in self._read else []
        self._forget()
        with self._model(weights) as model:
            ids, top, cache = generation.generate(
                model, request, sources, on_ids if streams else None, pulse
            )
        if self._read is not None and cache is not None and cache.numbers <= KEPT_NUMBERS:
            self._read[tuned] = cache
        replies = [self.chat.read(row) for row in ids]
        for stream, reply in zip(streams, replies, strict=False):
            stream.update(reply.text, finished=True)
        if top is None:
            return replies
        return [
            reply._replace(top=steps[: len(reply.ids or ())])
            for reply, steps in zip(replies, top, strict=True)
        ]

    def begin_batch(self) -> None:
        self._read = {}

    def _forget(self) -> None:
        """Give up what was read: the weights change, or its memory is needed."""
        if self._read:
            self._read = {}

    # -- scoring -----------------------------------------------------------------------------

    def nll(self, rows: Sequence[Row], weights: Weights) -> list[float]:
        with self._model(weights):
            return halving(lambda part: self._likelihood.nll(part, self.chat.pad), rows)

    # -- training ----------------------------------------------------------------------------

    def train(self, job: TrainingJob) -> Trained:
        limit = job.settings.max_tokens
        more = (job.rehearsed or repeat(False), job.open_book or repeat(()))
        examples = [self._example(*one) for one in zip(job.conversations, *more, strict=False)]
        fitting = [example for example in examples if len(example.ids) <= limit]
        if not fitting:
            raise UserError(
                f"none of {len(examples)} training examples has at most {limit} "
                "tokens; give a larger --train.max-tokens"
            )
        if self.tuned is None or self._adapter is None:
            self.tuned = lora.attach(self.base, self.tuned, job.settings, job.seed)
        self._forget()
        self._adapter = None  # an interruption leaves weights that belong to no generation
        job.world.divide(self.tuned)
        objective = Objective(self.tuned, self._likelihood, job.world)
        try:
            trained = trainer.train(self.tuned, fitting, objective, self.chat.pad, job)
        except torch.OutOfMemoryError:
            raise UserError(
                "the device's memory does not hold a step of training; give a smaller "
                "--train.micro-batch or --train.max-tokens, or --train.checkpointing on"
            ) from None
        self._adapter = job.folder
        return trained

    def _example(
        self, messages: Sequence[Message], rehearsed: bool, open_book: Sequence[Message]
    ) -> Example:
        """The training example, without its teacher where the window is too small for that."""
        example = Example(*self.chat.example(messages), rehearsed)
        prompt = self.chat.prompt(open_book) if open_book else []
        fits = len(prompt) + example.targets <= self.window
        return example._replace(open_book=prompt) if fits else example


def halving(work: Callable[[Sequence[In]], list[Out]], rows: Sequence[In]) -> list[Out]:
    """Call `work(rows)`, in halves if the device's memory does not hold all of them."""
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
    return halving(work, rows[:half]) + halving(work, rows[half:])
