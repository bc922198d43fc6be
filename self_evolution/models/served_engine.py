"""The engine on transformers, with a server that writes the replies in its place.

Scoring and training stay in this process, and so do replies that are streamed or that need
log-probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from self_evolution.config import Model
from self_evolution.models.adapter import digest
from self_evolution.models.decoding import generation
from self_evolution.models.endpoint.connection import CONCURRENCY
from self_evolution.models.endpoint.lora_server import LoraServer
from self_evolution.models.protocols import SamplingParams, Weights
from self_evolution.models.reply import Reply, TextStream
from self_evolution.models.training import lora
from self_evolution.models.training.job import Trained, TrainingJob
from self_evolution.models.transformers_engine import TransformersEngine, halving
from self_evolution.progress import interruptible


class ServedEngine(TransformersEngine):
    concurrency = CONCURRENCY

    def __init__(self, settings: Model) -> None:
        super().__init__(settings)
        self._server = LoraServer(settings.generator)
        self.window = min(self.window, self._server.window or self.window)
        self._sha256 = ""

    def close(self) -> None:
        self._server.close()
        super().close()

    def set_adapter(self, folder: Path | None, sha256: str = "") -> None:
        super().set_adapter(folder, sha256)
        self._sha256 = sha256 or (digest(folder / lora.WEIGHTS) if folder else "")

    def train(self, job: TrainingJob) -> Trained:
        trained = super().train(job)
        self._sha256 = digest(job.folder / lora.WEIGHTS)
        return trained

    def greedy_here(
        self, rows: Sequence[list[int]], size: int, weights: Weights
    ) -> list[list[int]]:
        """The likeliest replies of this process to prompts of token ids, up to `size` tokens."""

        def work(part: Sequence[list[int]]) -> list[Reply]:
            return super(ServedEngine, self)._replies(self._request(part, size), weights, ())

        return [reply.ids or [] for reply in halving(work, rows)]

    def greedy_there(
        self, rows: Sequence[list[int]], size: int, weights: Weights
    ) -> list[list[int]]:
        """The likeliest replies of the server to prompts of token ids, up to `size` tokens."""
        return [reply.ids or [] for reply in self._served(self._request(rows, size), weights)]

    def _request(self, rows: Sequence[list[int]], size: int) -> generation.Request:
        params = SamplingParams(0.0, 1.0, size)
        return generation.Request(rows, params, [0] * len(rows), self.chat.stops, self.chat.pad)

    def _replies(
        self, request: generation.Request, weights: Weights, streams: Sequence[TextStream]
    ) -> list[Reply]:
        if streams or request.params.logprobs:
            return super()._replies(request, weights, streams)
        return self._served(request, weights)

    def _served(self, request: generation.Request, weights: Weights) -> list[Reply]:
        with interruptible():
            name = self._server.base
            if weights == "current" and self._adapter is not None:
                name = self._server.use(self._adapter, self._sha256)
            rows, params, seeds, stops, _ = request
            ids = self._server.generate(name, rows, params, seeds, stops)
        return [self.chat.read(row) for row in ids]
