"""How far a run is and what it found, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from self_evolution.cli import tables
from self_evolution.config import Config
from self_evolution.ledger import Ledger
from self_evolution.progress import clock

if TYPE_CHECKING:
    from rich.table import Table

    from self_evolution.cli.tables import Exam

STOPPED = (
    "stopped: {} generations in a row were not promoted; a larger --promote.patience with "
    "--accept-change goes on"
)


def show(config: Config, ledger: Ledger) -> None:
    """A row a generation: what it was trained on, what it knows, what it lost, who leads."""
    from self_evolution.evaluation.tasks import EXAMS, MODES, deciding
    from self_evolution.schedule import out_of_patience

    metrics = deciding(ledger, config.promote.metric)
    metric = metrics["domain", "closed"]
    scores = {
        (row.generation, row.suite, row.mode): row
        for row in ledger.evaluations()
        if row.metric == metrics.get((row.suite, row.mode))
    }
    columns = [
        (suite, mode) for suite, mode in EXAMS if any(key[1:] == (suite, mode) for key in scores)
    ]
    funnel = {row["generation"]: row for row in ledger.funnel()}
    seconds: dict[int, float] = {}
    for stage in ledger.stages():
        seconds[stage.generation] = seconds.get(stage.generation, 0.0) + stage.seconds
    promotions = {row.generation: row.promoted for row in ledger.promotions()}
    leader = max((generation for generation, took in promotions.items() if took), default=None)

    generations = sorted(set(seconds) | set(promotions))

    def table(columns: Sequence[Exam], apart: str) -> Table:
        made = tables.plain(f"{metric}, % [95% interval]; → leads")
        made.add_column("gen", justify="right", no_wrap=True)
        made.add_column("trained\non", justify="right", no_wrap=True)
        for suite, mode in columns:
            head = f"{suite}\n{MODES[mode].replace(' ', apart)}"
            if metrics[suite, mode] != metric:
                head += f"\n{metrics[suite, mode]}"
            made.add_column(head, justify="right", no_wrap=True)
        made.add_column("time", justify="right", no_wrap=True)
        for generation in generations:
            row = funnel.get(generation)
            mark = "→ " if generation == leader else ""
            made.add_row(
                f"{mark}{generation}" + ("" if generation in promotions else " …"),
                f"{row['new'] + row['replay'] + row['rehearsal']:,}" if row else "–",
                *(tables.cell(scores.get((generation, *column)), apart) for column in columns),
                clock(seconds.get(generation, 0.0)),
            )
        return made

    tables.print_fitting(columns, table)
    from self_evolution.report import judge, rivals
    from self_evolution.report.outdated import outdated, searched
    from self_evolution.report.sets import sentences
    from self_evolution.stages.examine import to_come

    for sentence in (
        *sentences(config, ledger),
        *rivals.sentences(config, ledger),
        *judge.sentences(config, ledger),
    ):
        print(sentence)
    for told in filter(None, (gone(ledger), outdated(ledger), searched(ledger))):
        print(told)
    if out_of_patience(config, ledger):
        print(STOPPED.format(config.promote.patience))
    if not ledger.items("domain") and not to_come(config, ledger):
        from self_evolution.stages.evaluate import NO_SET

        print(NO_SET)


def gone(ledger: Ledger) -> str:
    """What documents are gone, and how much of the adapter in use was trained on them.

    That is the leader's, or the last one as long as the base leads. Empty if none are gone.
    """
    count = ledger.fragment_counts()["gone"]
    if not count:
        return ""
    told = f"{count:,} documents changed or withdrawn since they were read"
    parents = {row.generation: row.parent for row in ledger.adapters()}
    leader = max((row.generation for row in ledger.promotions() if row.promoted), default=0)
    generation = adapter = leader or max(parents, default=0)
    examples = ledger.examples_gone()
    touched = total = 0
    while generation:  # an adapter continues its parent's: it was trained on all of theirs too
        some, all_of_it = examples.get(generation, (0, 0))
        touched, total = touched + some, total + all_of_it
        generation = parents[generation]
    if total:
        share = f"{touched:,} of {total:,} ({100 * touched / total:.1f}%)"
        told += f"; of the examples that generation {adapter} was trained on, {share} are from them"
    return told


def show_next(config: Config, ledger: Ledger) -> None:
    """What a run has left to do."""
    from self_evolution.schedule import left, out_of_patience

    if todo := left(config, ledger):
        print(f"next: {todo[0][1]} of generation {todo[0][0]}; {len(todo)} stages to go")
    elif not out_of_patience(config, ledger):
        print(f"complete: {config.generations} generations")
