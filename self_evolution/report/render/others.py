"""Sentences on other models: rivals, and a model as judge."""

from __future__ import annotations

from collections.abc import Iterator

from self_evolution.evaluation.predict import unanswered
from self_evolution.evaluation.statistics import NO_DIFFERENCE, format_difference, format_mean
from self_evolution.evaluation.tasks import MAIN
from self_evolution.evaluation.verdicts import BASE
from self_evolution.models.other_models import label
from self_evolution.report.facts.others import Bench, Judged, Rivals, Standing
from self_evolution.report.render.words import share

MOST_UNCLEAR = 50
"""A judge with more than this percentage of unclear replies is called unreliable."""

BETTER = {"higher": "the leader is better", "lower": "the rival is better"}


def describe_standing(one: Standing) -> str:
    """Say which one is better, or that no difference is shown; empty until the leader has done the
    task."""
    return BETTER.get(one.above.direction, NO_DIFFERENCE) if one.above else ""


def rival_notes(found: Rivals, most_tokens: int) -> Iterator[str]:
    """Remarks on the rivals for the reader; answers are cut off after `most_tokens`."""
    for one in found.twins:
        yield f"{_rival(found, one.generation)} is the base model itself."
    for generation, counts in found.unanswered.items():
        for note in unanswered(counts, most_tokens):
            yield f"{_rival(found, generation)}: {note}."


def rival_lines(found: Rivals) -> Iterator[str]:
    """Yield a line for each rival in the terminal, with the leader's difference in the main
    task."""
    leader = f"generation {found.leader}" if found.leader else "the base"
    for one in found.rivals:
        mine = [(b.task, row) for b in found.boards for row in b.standings if row.rival == one]
        scores = [f"{task.suite} {task.mode} {format_mean(row.score)}" for task, row in mine]
        gap = ""
        if above := next((row.above for task, row in mine if task == MAIN), None):
            gap = f"; {leader} against it: {format_difference(above)}, book closed"
            gap += "" if above.shown else f": {NO_DIFFERENCE}"
        if scores:
            name = found.names[one.generation]
            yield f"rival {-one.generation}, {name}: {', '.join(scores)}{gap}"


def judge_label(judge: str) -> str:
    return "the base model" if judge == BASE else label(judge)


def describe_verdict(row: Judged) -> str:
    if row.found.unclear and row.found.unclear.mean > MOST_UNCLEAR:
        return "most replies of this judge are unclear"
    if not row.found.shown:
        return NO_DIFFERENCE
    wins = row.found.wins.mean > 50
    return f"{f'generation {row.generation}' if wins else row.opponent} preferred"


def judge_notes(bench: Bench, rivals: Rivals) -> Iterator[str]:
    """Yield a note for each case where the judge and a judged model are the same."""
    for generation in bench.itself:
        if generation:
            yield f"The judge is {_rival(rivals, generation, 'rival')} itself."
        else:
            yield (
                "The judge is the base model itself: it judges its own answers, and those of the "
                "generations trained from it."
            )


def judge_lines(bench: Bench, judge: str, leader: int) -> Iterator[str]:
    """Yield a line for each opponent of the leader (or of the last generation) in the terminal."""
    rows = [row for row in bench.rows if row.judge == judge]
    generation = leader or max((row.generation for row in rows), default=0)
    for row in rows:
        if row.generation == generation:
            found = row.found
            yield (
                f"judge, {judge_label(judge)}: generation {generation} wins "
                f"{format_mean(found.wins, '%')} against {row.opponent}, a tie counts half: "
                f"{describe_verdict(row)}; of {found.asked:,} asked "
                f"({found.wins.n - found.asked:,} answers are the same), both orders agree on "
                f"{share(found.agreement)}, unclear are {share(found.unclear)}"
            )


def _rival(found: Rivals, generation: int, what: str = "Rival") -> str:
    return f"{what} {-generation} ({found.names[generation]})"
