"""The work of one training, from the numbers of its examples and how long each kind is."""

from __future__ import annotations

from typing import NamedTuple

from self_evolution.config import Train
from self_evolution.forecast.counts import Examples
from self_evolution.forecast.lessons import Lesson
from self_evolution.forecast.work import Amount, Sort
from self_evolution.models.training.job import MEASURED


class Sizes(NamedTuple):
    """The mean tokens of an example of each kind. `opened` are those of a pair's prompt with its
    passage, if the base reads it for soft targets; else 0."""

    pair: Lesson
    rewrite: float
    conversation: float
    opened: float


def amounts(train: Train, made: Examples, sizes: Sizes) -> dict[Sort, Amount]:
    """The tokens that are trained on, and those that are only read; `train` has the steps of this
    generation alone."""
    number = sum(made)
    tokens = made.pairs * sizes.pair.tokens + made.rewrites * sizes.rewrite
    mean = (tokens + made.conversations * sizes.conversation) / number
    seen = float(train.samples[0]) if train.samples else number
    rows = train.steps[0] * train.batch_size if train.steps else train.epochs * seen
    # How far the model has moved is seen on some examples, by itself and by the base.
    taught = made.pairs + made.rewrites
    scored = 2 * min(1.0, MEASURED / max(1.0, taught)) * tokens
    if train.rehearsal_loss == "kl":
        scored += made.conversations * sizes.conversation
    parts = made.conversations
    if sizes.opened:
        scored += made.pairs * (sizes.opened + sizes.pair.answer)
        parts += made.pairs
    return {
        "train": Amount(rows / train.micro_batch, rows * mean, 0.0),
        "score": Amount(parts / train.micro_batch, scored, 0.0),
    }
