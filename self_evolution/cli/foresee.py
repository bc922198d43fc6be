"""The forecast of `run`: its first lines, and the settings that `--hours` chooses for a new run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from self_evolution.cli.plan import flags, probed, too_long
from self_evolution.errors import UserError
from self_evolution.progress import Progress
from self_evolution.run import Run
from self_evolution.run.open import Request
from self_evolution.run.read import read_run

if TYPE_CHECKING:
    from self_evolution.forecast.hours import Plan
    from self_evolution.models import Engine

CHOSEN = "hours"
"""The key under which the ledger keeps the settings that were chosen to end in time."""


PROBE = "probe"
"""The key under which the ledger keeps what the forecast itself took."""


class Planned(NamedTuple):
    """A plan for a new run, and the model that it was found with."""

    plan: Plan
    engine: Engine | None


def in_time(
    hours: float | None, request: Request, folder: Path, progress: Progress
) -> tuple[Request, Planned | None]:
    """The request with settings that end a new run in so many hours; without `hours` as it is.

    A run that has begun goes on with those that were chosen for it. Raises UserError if it began
    without, or if nothing ends in time.
    """
    if not hours:
        return request, None
    if (folder / "run.db").is_file():
        with read_run(folder) as begun:
            chosen = begun.ledger.meta(CHOSEN)
        if chosen is None:
            raise UserError(
                f"--hours {hours:g}: {folder} has begun without it, and it is for new runs; leave "
                "it out to go on, or give another --run"
            )
        return _with(request, chosen), None
    from self_evolution.forecast.hours import choose

    with probed(request, progress) as probe:
        probe.asked_for()
        plan, fits = choose(probe.stages, probe.stages.run.config, hours)
        if not fits:
            raise UserError(too_long(hours, plan))
        return _with(request, plan.changes), Planned(plan, probe.stages.run.models.loaded)


def foresee(run: Run, planned: Planned | None) -> None:
    """Say what the run will take, once, after its documents are read and before anything else.

    Nothing is said of a run that is over soon.
    """
    from self_evolution.forecast import words
    from self_evolution.forecast.probe import Probe
    from self_evolution.forecast.verdict import obstacles
    from self_evolution.stages import perform

    if planned and planned.engine:
        run.models.use_loaded(planned.engine)
    if run.ledger.forecast() or run.ledger.stage_done(0, "build"):
        return
    if planned:
        run.ledger.set_forecast(planned.plan.forecast.rows)
        run.ledger.set_meta(CHOSEN, planned.plan.changes)
        chosen = ", ".join(f"{flag} {value}" for flag, value in flags(planned.plan.changes))
        run.progress.say(f"to end in time: {chosen or 'nothing has to be changed'}")
        run.progress.say(f"forecast: {words.summary(planned.plan.forecast)}")
        return
    perform(run, 0, "read")
    perform(run, 0, "split")
    if not run.ledger.fragments.for_training():
        return
    probe = Probe(run)
    try:
        with run.progress.work("forecast"):
            found = probe.beside()
    except UserError as error:  # the run meets it too, or does well without what the probe tried
        run.progress.say(f"no forecast: {error}")
        return
    if found is None:
        return
    sample = probe.sample
    run.ledger.set_forecast(found.rows)
    run.ledger.set_meta(PROBE, {"seconds": sample.seconds, "cpu_seconds": sample.cpu_seconds})
    for line in (*words.lines(found), f"forecast: {words.summary(found)}"):
        run.progress.say(line)
    for reason in obstacles(probe.stages, found, run.folder):
        run.progress.say(f"this run may not work: {reason}")


def _with(request: Request, chosen: dict[str, Any]) -> Request:
    return request._replace(overrides={**request.overrides, **chosen})
