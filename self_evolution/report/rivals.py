"""What the report says of other models: their scores, and how far the leader is from each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from self_evolution.config import Config
from self_evolution.evaluation.predict import unsaid
from self_evolution.evaluation.statistics import NO_DIFFERENCE, Change, Gap, gaps, paired
from self_evolution.evaluation.tasks import deciding, marks
from self_evolution.ledger import Ledger
from self_evolution.models.other_models import label
from self_evolution.records import Evaluation, Rival, seed_of
from self_evolution.report.headline import EXAMS
from self_evolution.run.model_identity import base_identity

BETTER = {
    "higher": "the leader is better",
    "lower": "the rival is better",
    NO_DIFFERENCE: NO_DIFFERENCE,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """A rival in an exam; `gap` is the leader minus it, None until the leader has taken it."""

    rival: Rival
    score: Evaluation
    gap: Gap | None

    @property
    def label(self) -> str:
        return label(self.rival.name, self.rival.identity)

    @property
    def told(self) -> str:
        """Who is better, or that no difference is shown; empty without a gap."""
        return BETTER[self.gap.verdict] if self.gap else ""


@dataclass(frozen=True, slots=True)
class Board:
    """An exam that rivals took, in the metric that decides (token-f1 where that applies to none).

    `leader` is None as long as the leader has not taken it.
    """

    suite: str
    mode: str
    metric: str
    leader: Evaluation | None
    standings: tuple[Standing, ...]

    @property
    def title(self) -> str:
        return EXAMS[self.suite, self.mode]


@dataclass(frozen=True, slots=True)
class Rivals:
    """All rivals the run ever had; `leader` is a generation, `notes` what a reader should know."""

    leader: int
    rivals: tuple[Rival, ...]
    boards: tuple[Board, ...]
    notes: tuple[str, ...]


def rivals(config: Config, ledger: Ledger) -> Rivals:
    found = ledger.evaluations.rivals()
    boards = tuple(_boards(config, ledger, found)) if found else ()
    model = base_identity(ledger)
    notes = [
        f"Rival {-one.generation} ({label(one.name, one.identity)}) is the base model itself."
        for one in found
        if one.identity == model
    ]
    notes += [
        f"Rival {-one.generation} ({label(one.name, one.identity)}): {told}."
        for one in found
        for told in unsaid(ledger, one.generation, config.evaluate.max_tokens)
    ]
    return Rivals(ledger.evaluations.leader(), tuple(found), boards, tuple(notes))


def sentences(config: Config, ledger: Ledger) -> Iterator[str]:
    """For the terminal: a line a rival, with the leader's distance in the exam that decides."""
    found = rivals(config, ledger)
    leader = f"generation {found.leader}" if found.leader else "the base"
    for one in found.rivals:
        told, gap = [], ""
        for board in found.boards:
            for mine in board.standings:
                if mine.rival == one:
                    score = mine.score
                    place = f"{board.suite} {board.mode}"
                    told.append(f"{place} {score.mean:.1f} [{score.low:.0f}–{score.high:.0f}]")
                    if mine.gap and place == "domain closed":
                        change = mine.gap.change
                        size = f"{change.mean:+.1f} [{change.low:+.1f} to {change.high:+.1f}]"
                        gap = f"; {leader} against it: {size}, book closed"
                        gap += "" if mine.gap.different else f": {NO_DIFFERENCE}"
        if told:
            called = label(one.name, one.identity)
            yield f"rival {-one.generation}, {called}: {', '.join(told)}{gap}"


def _boards(config: Config, ledger: Ledger, found: list[Rival]) -> Iterator[Board]:
    """The exams in their order, with gaps that are adjusted for one another."""
    leader = ledger.evaluations.leader()
    own = {
        (r.suite, r.mode, r.metric): r
        for r in ledger.evaluations.of_generations()
        if r.generation == leader
    }
    scores = {(r.generation, r.suite, r.mode, r.metric): r for r in ledger.evaluations.of_rivals()}
    metrics = deciding(ledger, config.promote.metric)
    changes = {
        (one.generation, exam): change
        for one in found
        for exam, metric in metrics.items()
        if (change := _change(config, ledger, one.generation, leader, exam, metric))
    }
    distances = gaps(changes)
    for exam, metric in metrics.items():
        standings = tuple(
            Standing(
                one, scores[one.generation, *exam, metric], distances.get((one.generation, exam))
            )
            for one in found
            if (one.generation, *exam, metric) in scores
        )
        if standings:
            yield Board(*exam, metric, own.get((*exam, metric)), standings)


def _change(
    config: Config, ledger: Ledger, rival: int, leader: int, exam: tuple[str, str], metric: str
) -> Change | None:
    """From the rival to the leader, on the questions that both answered; None if there are none."""
    theirs = {
        item.id: marks(metric, item, text)
        for item, text in ledger.evaluations.predictions(rival, *exam)
    }
    pairs = [
        (before, now, item.cluster)
        for item, text in ledger.evaluations.predictions(leader, *exam)
        if (before := theirs.get(item.id)) is not None
        and (now := marks(metric, item, text)) is not None
    ]
    if not pairs:
        return None
    befores, nows, clusters = zip(*pairs, strict=True)
    seed = seed_of(config.seed, "paired", *exam)
    return paired(befores, nows, clusters, resamples=config.evaluate.resamples, seed=seed)
