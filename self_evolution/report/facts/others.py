"""Other models: rivals that answered the same questions, and models as judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from self_evolution.config import Config
from self_evolution.evaluation.differences import both, difference, scored
from self_evolution.evaluation.statistics import PairedDifference, Preference, adjusted
from self_evolution.evaluation.tasks import Task, deciding
from self_evolution.evaluation.verdicts import BASE, preferred
from self_evolution.ledger import Ledger
from self_evolution.models.other_models import label
from self_evolution.records import Evaluation, Rival
from self_evolution.run.model_identity import base_identity


@dataclass(frozen=True, slots=True)
class Standing:
    """A rival's score in a task. `above` is the leader's score minus this one, None until the
    leader has done the task."""

    rival: Rival
    score: Evaluation
    above: PairedDifference | None


@dataclass(frozen=True, slots=True)
class Board:
    """The rivals' scores in a task, in the deciding metric (token-f1 where that applies to none).

    `leader` is None until the leader has done the task.
    """

    task: Task
    metric: str
    leader: Evaluation | None
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Rivals:
    """All rivals that the run has had; `leader` is a generation, `names` are by generation.

    `twins` are the rivals that are the base model itself. `unanswered`, by generation: how many
    answers there are, how many are empty, and how many were cut off.
    """

    leader: int
    rivals: tuple[Rival, ...]
    names: Mapping[int, str]
    boards: tuple[Board, ...]
    twins: tuple[Rival, ...]
    unanswered: Mapping[int, tuple[int, int, int]]


def rivals(config: Config, ledger: Ledger) -> Rivals:
    found = tuple(ledger.evaluations.rivals())
    model = base_identity(ledger)
    return Rivals(
        ledger.evaluations.leader(),
        found,
        names(ledger),
        tuple(_boards(config, ledger, found)) if found else (),
        tuple(one for one in found if one.identity == model),
        {one.generation: ledger.evaluations.unanswered(one.generation) for one in found},
    )


def names(ledger: Ledger) -> dict[int, str]:
    """{generation: name} of the models to compare with: the base, the rivals."""
    found = {row.generation: label(row.name, row.identity) for row in ledger.evaluations.rivals()}
    return {0: "the base"} | found


def _boards(config: Config, ledger: Ledger, found: tuple[Rival, ...]) -> Iterator[Board]:
    """The tasks in their order, with differences that are adjusted for one another."""
    leader = ledger.evaluations.leader()
    rows = [*ledger.evaluations.of_generations(), *ledger.evaluations.of_rivals()]
    scores = {(row.generation, Task.of(row), row.metric): row for row in rows}
    metrics = deciding(ledger, config.promote.metric)
    above = {}
    for one in found:
        for task, metric in metrics.items():
            theirs = scored(ledger, one.generation, task, metric)
            if pairs := both(theirs, scored(ledger, leader, task, metric)):
                above[one.generation, task] = difference(config, pairs, *task)
    above = adjusted(above)
    for task, metric in metrics.items():
        standings = tuple(
            Standing(one, score, above.get((one.generation, task)))
            for one in found
            if (score := scores.get((one.generation, task, metric)))
        )
        if standings:
            yield Board(task, metric, scores.get((leader, task, metric)), standings)


@dataclass(frozen=True, slots=True)
class Judged:
    """The preference of one judge between a generation and the base or a rival (`against`)."""

    judge: str
    generation: int
    against: int
    opponent: str
    found: Preference


@dataclass(frozen=True, slots=True)
class Bench:
    """All judgements. `itself` are the base (0) and the rivals that were judge and judged at the
    same time."""

    rows: tuple[Judged, ...]
    itself: tuple[int, ...]


def bench(config: Config, ledger: Ledger) -> Bench:
    called = names(ledger)
    rows = tuple(
        Judged(judge, generation, against, called[against], found)
        for judge, generation, against in ledger.evaluations.duels()
        if (found := preferred(config, ledger, judge, generation, against))
    )
    return Bench(rows, tuple(_itself(ledger, list(dict.fromkeys(row.judge for row in rows)))))


def _itself(ledger: Ledger, judges: list[str]) -> Iterator[int]:
    """The generation of each judged model that is a judge too."""
    identities: dict[str, str] = ledger.meta("judges") or {}
    models = {0: base_identity(ledger)} | {
        row.generation: row.identity for row in ledger.evaluations.rivals()
    }
    for judge in judges:
        for generation, identity in models.items():
            if identities.get(judge) == identity or (judge, generation) == (BASE, 0):
                yield generation
