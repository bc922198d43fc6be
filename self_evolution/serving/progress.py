"""How far a run is at this moment: the facts for the terminal, the page and the API."""

from __future__ import annotations

import time
from typing import Literal

from pydantic import BaseModel

from self_evolution import config
from self_evolution.run.at_work import AtWork, read_at_work
from self_evolution.run.outlook import Outlook, outlook
from self_evolution.run.process import is_running, is_stopping
from self_evolution.run.read import RunReader
from self_evolution.schedule import STAGES, left, out_of_patience

PAIRS = 3
"""Pairs that are shown."""


class StageState(BaseModel):
    """A stage that has begun. `seconds` is its time so far, `note` what it has to say."""

    generation: int
    stage: str
    items: int
    seconds: float
    done: bool
    note: str


class Count(BaseModel):
    """How many items of the stage at work are done; `work` says what is done with them.

    `seconds_left` is the time that the others take at the pace so far, null before there is one.
    `note` is what is to be said besides, such as the loss of the last training step, or empty.
    """

    work: str
    unit: str
    done: int
    total: int
    seconds_left: float | None
    note: str


class LastPair(BaseModel):
    """A pair with its verdict: `reason` and `detail` say why it was rejected."""

    generation: int
    question: str
    answer: str
    verdict: Literal["kept", "rejected", "unchecked"]
    reason: str
    detail: str


class Training(BaseModel):
    """The last training: the loss of its first and its last steps, in nats a token."""

    generation: int
    examples: int
    steps: int
    first_loss: float
    last_loss: float


class Left(BaseModel):
    """Seconds that the rest of the run takes, with their interval: its forecast, corrected by what
    its stages took so far."""

    seconds: float
    low: float
    high: float


class Progress(BaseModel):
    """How far the run is.

    `state`: `unfinished`, `complete`, or `patience` if it ended early because too many generations
    in a row were not promoted. `running`: a process is at work on it; `stopping`: it was asked to
    stop, and has not ended yet. `generation` and `stage` are what comes next or is at work; `count`
    is null where nothing of it is counted. `seconds` is the time of this stage so far,
    `run_seconds` that of the whole run. `left` is null where there was no forecast, or nothing is
    left. `to_go` counts the stages that are left, `then` names those of this generation that
    follow. `stages` are those that have begun, in order. `pairs` are those that were answered last,
    the last one first. `training` is null before the first one has ended.
    """

    state: Literal["unfinished", "complete", "patience"]
    running: bool
    stopping: bool
    generations: int
    generation: int | None
    stage: str | None
    count: Count | None
    seconds: float
    run_seconds: float
    left: Left | None
    to_go: int
    then: list[str]
    stages: list[StageState]
    pairs: list[LastPair]
    training: Training | None


def read_progress(run: RunReader) -> Progress:
    """The state of the run at this moment."""
    running, stopping = is_running(run.folder), is_stopping(run.folder)
    with run.snapshot():
        # Another process may have changed the settings, such as the number of generations.
        settings = config.parse(run.ledger.meta("settings"), str(run.folder))
        todo = left(settings, run.ledger)
        spent = out_of_patience(settings, run.ledger)
        stages = _stages(run)
        noted = read_at_work(run.ledger) if running and todo else None
        if noted and (noted.generation, noted.stage) != todo[0]:
            noted = None
        now = max(0.0, time.time() - noted.since) if noted else 0.0
        before = [one for one in stages if todo and (one.generation, one.stage) == todo[0]]
        return Progress(
            state="unfinished" if todo else "patience" if spent else "complete",
            running=running,
            stopping=stopping,
            generations=settings.generations,
            generation=todo[0][0] if todo else None,
            stage=todo[0][1] if todo else None,
            count=_count(noted),
            seconds=sum(one.seconds for one in before) + now,
            run_seconds=sum(one.seconds for one in stages) + now,
            left=_left(outlook(settings, run.ledger, noted)),
            to_go=len(todo),
            then=[stage for generation, stage in todo[1:] if generation == todo[0][0]],
            stages=stages,
            pairs=_pairs(run),
            training=_training(run),
        )


def _stages(run: RunReader) -> list[StageState]:
    place = {name: number for number, name in enumerate(STAGES)}
    return [
        StageState(
            generation=row.generation,
            stage=row.name,
            items=row.items,
            seconds=row.seconds,
            done=bool(row.done),
            note=row.note,
        )
        for row in sorted(run.ledger.stages(), key=lambda row: (row.generation, place[row.name]))
    ]


def _left(found: Outlook | None) -> Left | None:
    return Left(**found._asdict()) if found else None


def _count(noted: AtWork | None) -> Count | None:
    if noted is None or noted.counted is None:
        return None
    label, unit, _, done, total = noted.counted
    prefix = f"gen {noted.generation} "
    return Count(
        work=label.removeprefix(prefix),
        unit=unit,
        done=done,
        total=total,
        seconds_left=noted.seconds_left,
        note=noted.note,
    )


def _pairs(run: RunReader) -> list[LastPair]:
    return [
        LastPair(
            generation=row["generation"],
            question=row["question"],
            answer=row["answer"],
            verdict=_verdict(row["reason"], row["detail"]),
            reason=row["reason"] or "",
            detail=row["detail"] or "",
        )
        for row in run.ledger.pairs.last_answered(PAIRS)
    ]


def _verdict(reason: str | None, detail: str | None) -> Literal["kept", "rejected", "unchecked"]:
    """A verdict always has a detail, which may be empty, and no reason where the pair is kept."""
    if detail is None:
        return "unchecked"
    return "rejected" if reason else "kept"


def _training(run: RunReader) -> Training | None:
    adapters = run.ledger.training.adapters()
    if not adapters:
        return None
    last = adapters[-1]
    return Training(
        generation=last.generation,
        examples=last.examples,
        steps=last.steps,
        first_loss=last.first_loss,
        last_loss=last.last_loss,
    )
