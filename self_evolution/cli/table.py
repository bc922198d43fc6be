"""The closing table in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from self_evolution.config import Config
from self_evolution.ledger import Ledger
from self_evolution.progress import clock
from self_evolution.records import Evaluation

if TYPE_CHECKING:
    from rich.table import Table

Exam = tuple[str, str]
"""Suite and mode: ("domain", "closed")."""

STOPPED = (
    "stopped: {} generations in a row were not promoted; a larger --promote.patience with "
    "--accept-change goes on"
)


def show(config: Config, ledger: Ledger) -> None:
    """A row a generation: what it was trained on, what it knows, what it lost, who leads."""
    from rich import box
    from rich.table import Table

    from self_evolution.evaluation.tasks import EXAMS, MODES, deciding
    from self_evolution.schedule import out_of_patience

    metrics = deciding(ledger, config.promote.metric)
    metric = metrics["domain", "closed"]
    scores = {
        (row.generation, row.suite, row.mode): row
        for row in ledger.evaluations.of_generations()
        if row.metric == metrics.get((row.suite, row.mode))
    }
    columns = [
        (suite, mode) for suite, mode in EXAMS if any(key[1:] == (suite, mode) for key in scores)
    ]
    funnel = {row["generation"]: row for row in ledger.pairs.funnel()}
    seconds: dict[int, float] = {}
    for stage in ledger.stages():
        seconds[stage.generation] = seconds.get(stage.generation, 0.0) + stage.seconds
    promotions = {row.generation: row.promoted for row in ledger.evaluations.promotions()}
    leader = max((generation for generation, took in promotions.items() if took), default=None)

    generations = sorted(set(seconds) | set(promotions))

    def table(columns: Sequence[Exam], apart: str) -> Table:
        made = Table(
            box=box.SIMPLE_HEAD,
            title=f"{metric}, % [95% interval]; → leads",
            title_justify="left",
            pad_edge=False,
            collapse_padding=True,
        )
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
                *(_cell(scores.get((generation, *column)), apart) for column in columns),
                clock(seconds.get(generation, 0.0)),
            )
        return made

    print_fitting(columns, table)
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
    if not ledger.items.of_suite("domain") and not to_come(config, ledger):
        from self_evolution.stages.evaluate import NO_SET

        print(NO_SET)


def print_fitting(columns: Sequence[Exam], table: Callable[[Sequence[Exam], str], Table]) -> None:
    """Print `table(columns, apart)`, where `apart` stands between a mean and its interval.

    Where the terminal is too narrow, intervals stand under their means, or suites in tables of
    their own.
    """
    from rich.console import Console

    console = Console()
    endless = console.options.update(max_width=10_000)
    by_suite = [list(some) for _, some in groupby(columns, key=lambda column: column[0])]
    for groups, apart in (([columns], " "), ([columns], "\n"), (by_suite, " "), (by_suite, "\n")):
        tables = [table(group, apart) for group in groups]
        if all(console.measure(one, options=endless).maximum <= console.width for one in tables):
            break
    for one in tables:
        console.print(one)


def gone(ledger: Ledger) -> str:
    """What documents are gone, and how much of the adapter in use was trained on them.

    That is the leader's, or the last one as long as the base leads. Empty if none are gone.
    """
    count = ledger.fragments.counts()["gone"]
    if not count:
        return ""
    told = f"{count:,} documents changed or withdrawn since they were read"
    parents = {row.generation: row.parent for row in ledger.training.adapters()}
    leader = max(
        (row.generation for row in ledger.evaluations.promotions() if row.promoted), default=0
    )
    generation = adapter = leader or max(parents, default=0)
    examples = ledger.training.examples_gone()
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


def _cell(row: Evaluation | None, apart: str) -> str:
    if row is None:
        return "–"
    mean = "100" if row.mean == 100 else f"{row.mean:.1f}"
    return f"{mean}{apart}[{row.low:.0f}–{row.high:.0f}]"
