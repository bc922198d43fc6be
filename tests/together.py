"""Two processes that train a tiny model together on this machine's CPU.

As a program, this is one of the processes. The environment says what it does differently: that the
base's states are too many to be kept (MANY), that the second process fails in its third step
(FAIL), that a bit of its adapter changes there (FLIP), or how many seconds each step takes at least
(PAUSE).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import tiny
import torch
from tiny import CONVERSATIONS

from self_evolution.config import Model, Train
from self_evolution.models.training import objective, rank, ranks, trainer
from self_evolution.models.training.job import Trained, TrainingJob
from self_evolution.models.training.parallel import Parallel
from self_evolution.records import Message

REHEARSED = [i % 3 == 1 for i in range(len(CONVERSATIONS))]
OPENED: list[list[Message]] = [
    [] if i % 3 < 2 else [{"role": "user", "content": "Valve 4711 stops. " + turns[0]["content"]}]
    for i, turns in enumerate(CONVERSATIONS)
]
"""Every third conversation has a teacher, in a training that wants one."""

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

    found = TrainingJob(
        CONVERSATIONS, settings, RATE, folder, 5, step, REHEARSED, heard.losses.append
    )
    return found._replace(open_book=OPENED) if settings.objective == "distill" else found


def alone(model: Path, folder: Path, settings: Train) -> tuple[Heard, Trained]:
    heard = Heard()
    return heard, tiny.engine(model).train(job(folder, settings, heard))


def train_together(
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
    nobody = "http://127.0.0.1:9/v1"  # a server that generates is not asked by those who train
    own = Model(name=str(model), device="cpu", threads=1, generator=nobody)
    return heard, ranks.train(own, Parallel(kind, size), task, (None, ""), stopped)


def processes(folder: Path) -> list[int]:
    """The ids of the processes that train the adapter `folder`, in their order."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode().split("\0")
        except OSError:  # it has ended
            continue
        if f"{folder}.ranks.tmp" in words:
            found.append((words[-2], int(path.parent.name)))
    return [id for _, id in sorted(found)]


def _flip_a_bit(weight: Any) -> None:
    """Change the lowest bit of the first number."""
    weight.detach().view(torch.int32).view(-1)[0] ^= 1


_training_step = trainer.AdapterTrainer.training_step


def _changed_step(self: Any, *arguments: Any) -> Any:
    if "FAIL" in os.environ and self._world.rank == 1 and self.state.global_step == 2:
        raise ArithmeticError("the third step")
    if "FLIP" in os.environ and self._world.rank == 1 and self.state.global_step == 2:
        _flip_a_bit(next(one for one in self.model.parameters() if one.requires_grad))
    time.sleep(float(os.environ.get("PAUSE", 0)))
    return _training_step(self, *arguments)


if __name__ == "__main__":
    if "MANY" in os.environ:
        objective.KEPT_NUMBERS = 0
    trainer.AdapterTrainer.training_step = _changed_step  # type: ignore[method-assign]
    code = rank.main(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stderr.flush()
    os._exit(code)
