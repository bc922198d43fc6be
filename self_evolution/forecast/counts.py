"""How many questions, pairs, conversations and training examples a run will have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from self_evolution.config import Config
from self_evolution.evaluation.abilities import TRIES
from self_evolution.evaluation.candidates import ROUNDS
from self_evolution.evaluation.rehearsal.build import ROUNDS as REHEARSAL_ROUNDS
from self_evolution.strategies import STRATEGIES, ScoredPair


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares that are taken of pairs, candidates and questions on abilities, and of
    conversations by their origin."""

    pairs: float
    candidates: float
    abilities: float
    conversations: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Given:
    """What is there before: fragments to train on and held-out ones, the user's own questions and
    pairs, and how many conversations of each origin a task gives (0: none can be made)."""

    fragments: int
    unseen: int
    domain: int
    retention: int
    trusted: int
    abilities: bool
    builds: bool
    per_task: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Built:
    """Test questions that are asked in each round, and those that are taken in all."""

    asked: tuple[float, ...]
    taken: float


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of a run. `asked` and `kept` are pairs in each generation. `tasks` are the tasks
    of rehearsal in each round, by origin. They give `made` conversations, of which `conversations`
    are used. `rewrites` are those that may be trained on."""

    seen: Built
    unseen: Built
    abilities: Built
    asked: int
    kept: float
    tasks: dict[str, tuple[float, ...]]
    made: float
    conversations: float
    rewrites: float = 0.0


class Examples(NamedTuple):
    """The training examples of a generation."""

    pairs: float
    rewrites: float
    conversations: float


def counts(settings: Config, given: Given, shares: Shares) -> Counts:
    evaluate, batch = settings.evaluate, settings.model.batch_size
    wanted = min(evaluate.questions, evaluate.limit or evaluate.questions) * given.builds
    skills = min(evaluate.abilities, evaluate.limit or evaluate.abilities) * given.abilities
    tasks: dict[str, tuple[float, ...]] = {}
    made = usable = 0.0
    for origin, number in settings.rehearse.counts().items():
        per_task = given.per_task.get(origin, 0)
        if number and per_task and settings.train.rehearsal:
            share = shares.conversations[origin]
            rounds = _until(number, share, per_task)
            tasks[origin] = rounds
            made += sum(rounds) * per_task
            usable += min(number, sum(rounds) * per_task * share)
    asked = given.fragments * settings.ask.per_fragment
    return Counts(
        _tried(wanted, [given.fragments] * ROUNDS, shares.candidates, batch),
        _tried(wanted, [given.unseen] * ROUNDS, shares.candidates, batch),
        _tried(skills, [TRIES * skills], shares.abilities, batch),
        asked,
        asked * shares.pairs,
        tasks,
        made,
        usable,
        given.fragments * settings.ask.rewrites * shares.pairs,  # as often valid as pairs are
    )


def examples(settings: Config, given: Given, found: Counts, generation: int) -> Examples:
    """Count the pairs, rewrites and conversations in the training set of a generation."""
    before = (generation - 1) * found.kept + (given.trusted if generation > 1 else 0)
    new = found.kept + (given.trusted if generation == 1 else 0)
    pool = (ScoredPair(str(i), 1.0) for i in range(round(before)))
    replay = STRATEGIES[settings.select.strategy].choose(pool, settings.select.k, 0)
    pairs, part, share = new + len(replay), settings.train.rewrites, settings.train.rehearsal
    rewrites = min(found.rewrites, pairs * part / (1 - part))
    conversations = min(found.conversations, (pairs + rewrites) * share / (1 - share))
    return Examples(pairs, rewrites, conversations)


def _tried(wanted: int, subjects: Sequence[int], share: float, batch: int) -> Built:
    """Subjects are asked about, whole batches at a time, until so many questions are taken; in a
    later round, those again of which none was taken."""
    asked: list[float] = []
    taken, open_ones = 0.0, 1.0
    for number in subjects:
        if taken < wanted and number:
            need = math.ceil((wanted - taken) / share / batch) * batch if share else number
            some = min(open_ones * number, need)
            asked.append(some)
            taken += some * share
            open_ones *= 1 - share
    return Built(tuple(asked), min(float(wanted), taken))


def _until(wanted: int, share: float, per_task: int) -> tuple[float, ...]:
    """The tasks of each round: as many as would give all that is missing, if all of it was kept."""
    rounds: list[float] = []
    missing = float(wanted)
    while len(rounds) < REHEARSAL_ROUNDS and missing >= 0.5:
        rounds.append(math.ceil(missing / per_task - 1e-9))
        missing -= rounds[-1] * per_task * share
    return tuple(rounds)
