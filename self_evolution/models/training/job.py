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

TOP = 20
"""The most likely tokens that a soft target names; all others are taken together."""

SOFT_NUMBERS = 2 * TOP + 1
"""Numbers in the soft target of a token, which are 164 bytes in float32."""


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
    open_book: Sequence[Sequence[Message]] = ()
    """For each conversation, the prompt for its last answer with the passage in it, which the base
    is given as a teacher; empty for one without a teacher. Empty means that none has one."""


class Example(NamedTuple):
    """A training example: a conversation as token ids. `labels` repeats the ids of the assistant's
    tokens, and is IGNORED elsewhere. `open_book` has the ids of the teacher's prompt, if any."""

    ids: list[int]
    labels: list[int]
    rehearsed: bool = False
    open_book: Sequence[int] = ()

    @property
    def targets(self) -> int:
        """The number of target tokens."""
        return sum(label != IGNORED for label in self.labels[1:])

    def as_teacher(self) -> Example:
        """Return an example with the same answer, but with the teacher's prompt before it."""
        answer = [label for label in self.labels if label != IGNORED]
        return Example([*self.open_book, *answer], [IGNORED] * len(self.open_book) + answer)


class Trained(NamedTuple):
    """The result of a training job. All but the counts are means per target token, in nats.

    The losses are those of `train.objective` and, on rehearsal, of `train.rehearsal_loss`.

    `divergence` is KL(base || tuned) on the conversations that are not rehearsal, after the last
    step.
    """

    sha256: str
    examples: int
    steps: int
    first_loss: float
    last_loss: float
    divergence: float
