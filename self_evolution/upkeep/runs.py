"""The runs under a folder, with what they hold and what can go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from self_evolution.errors import UserError
from self_evolution.evaluation.corrections.take_in import waiting
from self_evolution.forecast.calibration import UNFINISHED
from self_evolution.ledger import FeedbackStore
from self_evolution.run.adapters import adapter_folder
from self_evolution.run.process import is_running, locked
from self_evolution.run.read import RunReader, read_run
from self_evolution.schedule import left, out_of_patience

DEPTH = 3
"""Folders that are looked into below the given one: an ablation keeps its runs at this depth."""


class Found(NamedTuple):
    """A run. `state` is for people; `leader` is None while none leads; `bytes` on the disk."""

    folder: Path
    state: str
    model: str
    generations: int
    leader: int | None
    bytes: int
    changed: float
    """When its ledger was written last, in seconds since 1970."""


class Removable(NamedTuple):
    """A file or folder of a run that nothing needs any more."""

    path: Path
    reason: str
    bytes: int


def find_runs(folder: Path) -> list[Path]:
    """The folders with a run, in the given one or below it. Raises UserError if it is not there."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; expected one with runs, such as runs")
    found = [
        path.parent
        for depth in range(DEPTH + 1)
        for path in folder.glob("/".join(["*"] * depth + ["run.db"]))
    ]
    return sorted(found)


def describe(folder: Path) -> Found:
    """Describe a run as it is now. If it cannot be read, the reason is its description."""
    ledger = folder / "run.db"
    size, changed = size_of(folder), ledger.stat().st_mtime
    try:
        with read_run(folder) as run:
            promotions = run.ledger.evaluations.promotions()
            leader = run.ledger.evaluations.leader() if promotions else None
            generations = max((row.generation for row in promotions), default=0)
            model = Path(run.config.model.name).name
            return Found(folder, _state(run), model, generations, leader, size, changed)
    except UserError as error:
        return Found(folder, str(error), "", 0, None, size, changed)


def is_asked(folder: Path) -> bool:
    """Whether a process answers questions with the run."""
    adapters = folder / "adapters"
    if not adapters.is_dir():
        return False
    try:
        with locked(adapters):
            return False
    except UserError:
        return True


def unlearnt(folder: Path) -> int:
    """How many corrections wait for the next generation of the run; 0 if it cannot be read."""
    try:
        with read_run(folder) as run:
            return len(waiting(run.ledger, FeedbackStore(folder)))
    except UserError:
        return 0


def removable(folder: Path) -> Iterator[Removable]:
    """Yield what of a run is not needed to use it, to resume it, or to continue it.

    These are adapters of generations that neither lead nor are the last one, and what a killed
    process left. The caller holds the run's lock.
    """
    with read_run(folder) as run:
        needed = _needed(run)
        for row in run.ledger.training.adapters():
            path = adapter_folder(folder, row.generation)
            if path is not None and path.is_dir() and row.generation not in needed:
                yield Removable(path, "adapter that does not lead", size_of(path))
        complete = not left(run.config, run.ledger)
    unfinished = [*sorted((folder / "adapters").glob("*.tmp")), folder / UNFINISHED]
    for path in filter(Path.exists, unfinished):
        yield Removable(path, "left by a process that was killed", size_of(path))
    if complete:
        for path in sorted((folder / "adapters").glob("*.partial")):
            yield Removable(path, "checkpoints of a complete run", size_of(path))


def _needed(run: RunReader) -> set[int]:
    """The generations whose adapters are kept.

    The leader is used, and it is where the next generation starts; without rollback that is the
    last one. A generation that promotion has not decided on is still evaluated.
    """
    evaluations = run.ledger.evaluations
    last = evaluations.last()
    undecided = {row.generation for row in run.ledger.training.adapters() if row.generation > last}
    return {evaluations.leader(), last} | undecided


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(one.lstat().st_size for one in path.rglob("*") if not one.is_dir())


def _state(run: RunReader) -> str:
    todo = left(run.config, run.ledger)
    if not todo:
        patient = not out_of_patience(run.config, run.ledger)
        return "complete" if patient else "complete, out of patience"
    generation, stage = todo[0]
    at = f"{stage} of generation {generation}"
    return f"running: {at}" if is_running(run.folder) else f"stopped before {at}"
