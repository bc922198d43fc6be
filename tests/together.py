"""Two processes that train a tiny model together on this machine's CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import tiny

from self_evolution.config import Model, Train
from self_evolution.models import ranks
from self_evolution.models.parallel import Parallel
from self_evolution.models.training import Trained, TrainingJob

FACTS = [("alarm", 4711, "pump"), ("valve", 250, "motor"), ("station", 9, "line"), ("rate", 1, "x")]
CONVERSATIONS = [
    [
        {"role": "user", "content": f"Which {what} is {number + i}?"},
        {"role": "assistant", "content": f"The {thing} " + "stops " * (1 + i % 3) + str(i)},
    ]
    for i in range(3)
    for what, number, thing in FACTS
]
REHEARSED = [i % 3 == 1 for i in range(len(CONVERSATIONS))]
RATE = 1e-2


class Heard:
    """What a training tells: the loss of each step."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.steps: list[int] = []


def job(
    folder: Path,
    settings: Train,
    heard: Heard,
    on_step: Callable[[int], bool] = lambda done: False,
) -> TrainingJob:
    def step(done: int, total: int) -> bool:
        heard.steps.append(done)
        return on_step(done)

    return TrainingJob(
        CONVERSATIONS, settings, RATE, folder, 5, step, REHEARSED, heard.losses.append
    )


def alone(model: Path, folder: Path, settings: Train) -> tuple[Heard, Trained]:
    heard = Heard()
    return heard, tiny.engine(model).train(job(folder, settings, heard))


def together(
    model: Path,
    folder: Path,
    settings: Train,
    kind: Literal["ddp", "fsdp"],
    on_step: Callable[[int], bool] = lambda done: False,
    stopped: Callable[[], bool] = lambda: False,
    size: int = 2,
) -> tuple[Heard, Trained]:
    heard: Any = Heard()
    task = job(folder, settings, heard, on_step)
    own = Model(name=str(model), device="cpu", threads=1)
    return heard, ranks.train(own, Parallel(kind, size), task, (None, ""), stopped)
