"""Jobs: the work of an engine for one batch, which is done here or on another machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from self_evolution.models.protocols import Engine, Generator, SamplingParams, Weights
from self_evolution.models.reply import Reply
from self_evolution.records import Message

Result = TypeVar("Result")

Job = Callable[[Engine], Result]
"""A job for one batch: what it returns follows from the job and the model alone.

It can be pickled, because it may be sent to another machine: a function of a module, or a `partial`
of one with plain values.
"""


def generated(
    prompts: Sequence[Sequence[Message]],
    params: SamplingParams,
    seeds: Sequence[int],
    weights: Weights,
    model: Generator,
) -> list[Reply]:
    """The job that only asks: a reply to each prompt, if there is one."""
    return model.generate(prompts, params, seeds, weights) if prompts else []
