"""The first screen's sentences: what was won, what was lost, and who leads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from self_evolution.config import Config
from self_evolution.evaluation.statistics import NO_DIFFERENCE
from self_evolution.evaluation.tasks import FORMER, TESTS
from self_evolution.ledger import Ledger
from self_evolution.records import Evaluation
from self_evolution.report.words import is_share, score
from self_evolution.stages.examine import to_come

if TYPE_CHECKING:
    from self_evolution.report.headline import Comparison


def gain(
    config: Config,
    ledger: Ledger,
    metric: str,
    leader: int,
    candidate: int,
    closed: Comparison | None,
) -> str:
    """What the candidate knows, and what the base did."""
    if not ledger.items.of_suite("domain"):
        if not ledger.stage_done(0, "read"):
            return "The documents are not read yet: there is nothing to say so far."
        if to_come(config, ledger) and not ledger.evaluations.promotions():
            return "The test questions are not built yet: there is nothing to say so far."
        return (
            "Nothing shows whether this helped: the run has no evaluation set. "
            "Start a new run with --eval FILE to see."
        )
    if closed is None:
        return "Nothing to compare yet: the evaluation has not been made for base and leader."
    says, said = _says(closed.now, metric), score(closed.base)
    if not candidate:
        return f"The base model {says}. No other generation has been evaluated yet."
    if not leader:
        tail = {"same": f": {NO_DIFFERENCE}", "rose": "", "fell": ": it got worse"}[closed.trend]
        return (
            f"The base model still leads: no generation was promoted. Generation {candidate}, "
            f"the last, {says}; the base {_verb(metric)} {said}{tail}."
        )
    if closed.trend == "rose":
        return f"The model {says}, up from {said}."
    if closed.trend == "fell":
        return f"The model got worse: it {says}, down from {said}."
    return f"No difference shown: the model {says}, the base {said}."


def _verb(metric: str) -> str:
    return "knows" if is_share(metric) else "scores"


def _says(row: Evaluation, metric: str) -> str:
    """`knows 87% [84–90] of the facts that the test asks for`, where each counts 0 or 100."""
    what = " of the facts that the test asks for" if is_share(metric) else f" in {metric}"
    return f"{_verb(metric)} {score(row)}{what}"


def losses(comparisons: Sequence[Comparison], candidate: int, metric: str) -> str:
    """What fell but closed-book answers, or that nothing is shown to have: reading, as far as it
    fell, and former abilities in any case. A metric other than `metric` is named."""
    if not candidate:
        return ""
    reading = [one for one in comparisons if one.suite in TESTS and one.mode != "closed"]
    former = [one for one in comparisons if one.suite in FORMER]
    fell = [one for one in (*reading, *former) if one.trend == "fell"]
    told = "; ".join(_kept(one, metric) for one in comparisons if one in fell or one in former)
    parts = []
    if told:
        parts.append(f"Lost {'' if fell else 'nothing measurable '}elsewhere: {told}.")
    if not former:
        parts.append(
            "Former abilities were not measured, so nothing shows what was lost "
            "(--evaluate.abilities, --evaluate.retention-file)."
        )
    return " ".join(parts)


def _kept(one: Comparison, metric: str) -> str:
    what = one.title[0].lower() + one.title[1:]
    if one.now.metric != metric:
        what += f" ({one.now.metric})"
    if one.trend != "same":
        return f"{what}, {one.trend} from {score(one.base)} to {score(one.now)}"
    change = ""
    if one.change:
        row = one.change.row
        change = f" ({row.mean:+.1f} [{row.low:+.1f} to {row.high:+.1f}] points)"
    return f"{what}, {score(one.base)} → {score(one.now)}, {NO_DIFFERENCE}{change}"


def status(config: Config, ledger: Ledger, leader: int) -> str:
    """Who leads, and whether the run is complete."""
    from self_evolution.schedule import left as todo
    from self_evolution.schedule import out_of_patience, plan

    steps = plan(config.generations, config)
    left = todo(config, ledger)
    last = f"generation {leader}" if leader else "the base (generation 0)"
    leads = f"{last[0].upper()}{last[1:]} leads and is the one to use."
    if not ledger.evaluations.promotions():
        leads = "No generation leads yet."
    if not left and out_of_patience(config, ledger):
        return (
            f"{leads} The run stopped before generation {config.generations}: "
            f"{config.promote.patience} generations in a row were not promoted."
        )
    if not left:
        return f"{leads} The run is complete: {_count(config.generations)}."
    generation, name = left[0]
    return (
        f"{leads} The run is unfinished: next is {name} of generation {generation}; "
        f"{len(left)} of {len(steps)} stages are to go."
    )


def _count(generations: int) -> str:
    return f"{generations} generation{'s' if generations != 1 else ''}"
