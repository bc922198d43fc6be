"""A training job, its result, and the label that its loss ignores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from self_evolution.config import Train
from self_evolution.models.training.world import World
from self_evolution.records import Message

IGNORED = -100
"""The label that the loss ignores, as in torch and transformers."""

MEASURED = 128
"""The largest number of examples with which it is measured how far the model has moved from the
base."""


class TrainingJob(NamedTuple):
    """Conversations, whose assistant's turns are the targets, and the `folder` for the adapter.

    `settings` are those of one generation (`Train.of`). `on_step(done, total)` is called after each
    step; when it returns True, a checkpoint is kept beside `folder` and training stops. The same
    job goes on from there later, with the same result as without the interruption.
    """

    conversations: Sequence[Sequence[Message]]
    settings: Train
    learning_rate: float
    folder: Path
    seed: int
    on_step: Callable[[int, int], bool]
    rehearsed: Sequence[bool] = ()
    """For each conversation, whether it is rehearsal. Empty means that none is."""
    on_loss: Callable[[float], None] = lambda loss: None
    """Called with the loss of each step: a mean over its target tokens, in nats."""
    world: World = World()
    """The processes that share the job. Each of them is given the whole of it."""


class Example(NamedTuple):
    """A training example: a conversation as token ids. `labels` repeats the ids of the assistant's
    tokens, and is IGNORED elsewhere."""

    ids: list[int]
    labels: list[int]
    rehearsed: bool = False


class Trained(NamedTuple):
    """The result of a training job. All but the counts are means per target token, in nats.

    `divergence` is KL(base || tuned) on the conversations that are not rehearsal, after the last
    step.
    """

    sha256: str
    examples: int
    steps: int
    first_loss: float
    last_loss: float
    divergence: float
