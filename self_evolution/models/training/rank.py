"""One of the processes that train together, started by ranks.py: `python -m … FOLDER RANK`.

It reads the job from FOLDER, and tells how far it is in a file of its own there, in lines of JSON:
[seconds since 1970, what, value]. Only the process that started it writes to the ledger.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from self_evolution import meter
from self_evolution.config import Model, Train
from self_evolution.errors import Stopped, UserError
from self_evolution.models.training.job import TrainingJob
from self_evolution.models.training.world import World
from self_evolution.progress import interrupt

JOB = "job.json"
MEETING = "meeting"
SENT = ("conversations", "rehearsed", "open_book", "learning_rate", "seed")
"""The parts of a TrainingJob that stand in the file JOB as they are."""

_BEAT = 0.5
"""Seconds between two reports of the tokens that were trained on."""

LAUNCHERS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK")
"""What another launcher may have set. The Trainer would take it for its own processes."""


def file_of(folder: Path, rank: int) -> Path:
    """The file in which a process tells how far it is."""
    return folder / f"{rank}.jsonl"


def errors_of(folder: Path, rank: int) -> Path:
    """The file of what its libraries print, which does not belong into the run's terminal."""
    return folder / f"{rank}.log"


def main(folder: Path, rank: int) -> int:
    for name in LAUNCHERS:
        os.environ.pop(name, None)
    with (
        file_of(folder, rank).open("a", encoding="utf-8") as file,
        errors_of(folder, rank).open("w", encoding="utf-8") as errors,
    ):
        for stream in (sys.stdout, sys.stderr):
            os.dup2(errors.fileno(), stream.fileno())
        lock = threading.Lock()

        def tell(what: str, value: Any) -> None:
            with lock:
                file.write(json.dumps([time.time(), what, value]) + "\n")
                file.flush()

        task = json.loads((folder / JOB).read_text(encoding="utf-8"))
        _end_with(task["parent"])
        try:
            _train(folder, rank, task, tell)
        except Stopped:
            return 0
        except UserError as error:
            tell("refused", str(error))
            return 1
        except Exception:
            tell("failed", traceback.format_exc())
            return 1
    return 0


def _train(
    folder: Path, rank: int, task: Mapping[str, Any], tell: Callable[[str, Any], None]
) -> None:
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()
        interrupt()

    signal.signal(signal.SIGTERM, stop)
    from self_evolution.models.engines import open_engine

    settings = Model.model_validate(task["model"])
    lockstep = task["kind"] == "fsdp"
    engine = open_engine(opened(settings) if lockstep else settings)
    world = World(rank, task["processes"], lockstep, settings.device)
    tell_tokens = _tokens(tell)
    world.join(folder / MEETING)
    start, sha256 = task["adapter"]
    if start:
        engine.set_adapter(Path(start), sha256)

    def on_step(done: int, total: int) -> bool:
        tell("step", [done, total])
        return stopping.is_set()

    job = TrainingJob(
        settings=Train.model_validate(task["train"]),
        folder=Path(task["folder"]),
        on_step=on_step,
        on_loss=lambda loss: tell("loss", loss),
        world=world,
        **{name: task[name] for name in SENT},
    )
    try:
        trained = engine.train(job)
    except RuntimeError:
        if stopping.is_set():  # another process has stopped already
            raise Stopped from None
        raise
    tell_tokens()
    tell("cost", [time.process_time(), meter.memory()])
    tell("end", [world.held, trained])


def opened(settings: Model) -> Model:
    """The settings with which the model is loaded into main memory, so that the device never has to
    hold it whole. Its number format is the one that it would have on the device."""
    from self_evolution.models.base.location import fetched, locate
    from self_evolution.models.base.memory import stored_dtype

    changes = {"device": "cpu"}
    if settings.dtype == "auto" and settings.device != "cpu":
        folder = fetched(locate(settings.name))
        assert folder is not None  # the process that started this one has loaded the model
        changes["dtype"] = stored_dtype(folder)
    return settings.model_copy(update=changes)


def _end_with(parent: int) -> None:
    """End this process when the one that started it is gone."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_BEAT)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def _tokens(tell: Callable[[str, Any], None]) -> Callable[[], None]:
    """Tell the tokens that are done now and then; what this returns tells the rest."""
    told, lock = 0, threading.Lock()

    def rest() -> None:
        nonlocal told
        with lock:
            tokens = meter.tokens()
            if tokens > told:
                tell("work", tokens - told)
                told = tokens

    def look() -> None:
        while True:
            time.sleep(_BEAT)
            rest()

    threading.Thread(target=look, daemon=True).start()
    return rest


if __name__ == "__main__":
    status = main(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stderr.flush()
    os._exit(status)  # the libraries' own end would wait for processes that may be gone
