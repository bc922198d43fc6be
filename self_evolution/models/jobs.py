"""Jobs: what an engine does for one batch, in this process or on another machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from self_evolution.models.protocols import Engine, Generator, SamplingParams, Weights
from self_evolution.models.reply import Reply
from self_evolution.records import Message

Result = TypeVar("Result")

Job = Callable[[Engine], Result]
"""A function that works on one batch with the engine it is given. Its result depends only on the
job and the model.

A job can be pickled, because it may be sent to another machine: a function of a module, or a
`partial` of one with plain values.
"""


def generated(
    prompts: Sequence[Sequence[Message]],
    params: SamplingParams,
    seeds: Sequence[int],
    weights: Weights,
    model: Generator,
) -> list[Reply]:
    """The job that only asks: returns a reply to each prompt; without prompts, an empty list."""
    return model.generate(prompts, params, seeds, weights) if prompts else []
