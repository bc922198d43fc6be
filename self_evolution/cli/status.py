"""The state of a run and its results, in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.table import Table

from self_evolution.cli import tables
from self_evolution.config import Config
from self_evolution.coverage.shares import noted
from self_evolution.evaluation.building import to_come
from self_evolution.evaluation.tasks import MAIN, MODES, Task, deciding
from self_evolution.forecast import beside
from self_evolution.ledger import Ledger
from self_evolution.progress import clock
from self_evolution.report.render import terminal
from self_evolution.run.at_work import read_at_work
from self_evolution.run.outlook import describe, outlook
from self_evolution.schedule import left, out_of_patience
from self_evolution.stages.evaluate import NO_SET
from self_evolution.text.counts import many

STOPPED = (
    "stopped: {} generations in a row were not promoted; a larger --promote.patience with "
    "--accept-change goes on"
)
_EXAMPLES = ("new", "replay", "rewrites", "rehearsal")


def results(
    config: Config, ledger: Ledger, newest: int = 0
) -> tuple[list[Task], Callable[[Sequence[Task], str], Table]]:
    """Return the tasks that have scores, and a function that makes a table of some of them.
    `tables.fitting` takes both.

    The table has a row for each generation: its training set, what it knows, what it lost, and
    whether it leads. With `newest`, it has only this many of the newest generations, and the
    leader.
    """
    metrics = deciding(ledger, config.promote.metric)
    metric = metrics[MAIN]
    scores = {
        (row.generation, task): row
        for row in ledger.evaluations.of_generations()
        if row.metric == metrics.get(task := Task.of(row))
    }
    columns = [task for task in metrics if any(task == one for _, one in scores)]
    funnel = {row["generation"]: row for row in ledger.pairs.funnel()}
    seconds: dict[int, float] = {}
    for stage in ledger.stages():
        seconds[stage.generation] = seconds.get(stage.generation, 0.0) + stage.seconds
    promotions = {row.generation: row.promoted for row in ledger.evaluations.promotions()}
    leader = max((generation for generation, took in promotions.items() if took), default=None)

    generations = sorted(set(seconds) | set(promotions))
    if newest:
        generations = [one for one in generations if one == leader or one in generations[-newest:]]

    def table(columns: Sequence[Task], apart: str) -> Table:
        made = tables.plain(f"{metric}, % [95% interval]; → leads" if columns else "")
        made.add_column("gen", justify="right", no_wrap=True)
        made.add_column("trained\non", justify="right", no_wrap=True)
        for task in columns:
            head = f"{task.suite}\n{MODES[task.mode].replace(' ', apart)}"
            if metrics[task] != metric:
                head += f"\n{metrics[task]}"
            made.add_column(head, justify="right", no_wrap=True)
        made.add_column("time", justify="right", no_wrap=True)
        for generation in generations:
            row = funnel.get(generation)
            mark = "→ " if generation == leader else ""
            made.add_row(
                f"{mark}{generation}" + ("" if generation in promotions else " …"),
                f"{sum(row[name] for name in _EXAMPLES):,}" if row else "–",
                *(tables.cell(scores.get((generation, task)), apart) for task in columns),
                clock(seconds.get(generation, 0.0)),
            )
        return made

    return columns, table


def show(config: Config, ledger: Ledger) -> None:
    """Print the results of all generations, and what is to be known about them."""
    tables.print_fitting(*results(config, ledger))

    documents = filter(None, (gone(ledger), *terminal.changed(ledger), asking(ledger)))
    for sentence in (*terminal.summary(config, ledger), *documents):
        print(sentence)
    for sentence in beside.sentence(ledger):
        print(sentence)
    if out_of_patience(config, ledger):
        print(STOPPED.format(config.promote.patience))
    if not ledger.items.of_suite("domain") and not to_come(config, ledger):
        print(NO_SET)


def asking(ledger: Ledger) -> str:
    """Say how the questions of the last generation were spread over the fragments; empty if they
    did not follow the statements."""
    asked = [row for row in ledger.stages() if row.name == "ask" and row.done]
    spread = noted(asked[-1].note) if asked else ""
    return f"generation {asked[-1].generation} asked {spread}" if spread else ""


def gone(ledger: Ledger) -> str:
    """Describe which documents are gone, and how much of the adapter in use was trained on them.

    The adapter in use is the leader's, or the last one while the base leads. Empty if none are
    gone.
    """
    count = ledger.documents.count_gone()
    if not count:
        return ""
    text = f"{many(count, 'document')} changed or withdrawn since they were read"
    parents = {row.generation: row.parent for row in ledger.training.adapters()}
    generation = adapter = ledger.evaluations.leader() or max(parents, default=0)
    examples = ledger.training.examples_gone()
    touched = total = 0
    while generation:  # an adapter continues its parent's: it was trained on all of theirs too
        some, all_of_it = examples.get(generation, (0, 0))
        touched, total = touched + some, total + all_of_it
        generation = parents[generation]
    if total:
        share = f"{touched:,} of {total:,} ({100 * touched / total:.1f}%)"
        text += f"; of the examples that generation {adapter} was trained on, {share} are from them"
    return text


def show_next(config: Config, ledger: Ledger, running: bool = False) -> None:
    """Print what a run has left to do, and how long that takes if it was forecast.

    `running`: a process is at work on it.
    """
    if todo := left(config, ledger):
        noted = read_at_work(ledger) if running else None
        found = outlook(config, ledger, noted)
        more = f", {describe(found)}" if found else ""
        when = "at work: " if noted and (noted.generation, noted.stage) == todo[0] else "next: "
        print(
            f"{when}{todo[0][1]} of generation {todo[0][0]}; {many(len(todo), 'stage')} to go{more}"
        )
    elif not out_of_patience(config, ledger):
        print(f"complete: {many(config.generations, 'generation')}")
