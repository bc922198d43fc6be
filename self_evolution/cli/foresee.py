"""The forecast of `run`: its first lines, and the settings that `--hours` chooses for a new run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from self_evolution.cli.plan import flags, probed, too_long
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.progress import Progress
from self_evolution.run import Run
from self_evolution.run.open import CHOSEN, Request

if TYPE_CHECKING:
    from self_evolution.forecast.hours import Plan
    from self_evolution.models import Engine


class Planned(NamedTuple):
    """A plan for a new run, the model that it was found with, and why the run may not work."""

    plan: Plan
    engine: Engine | None
    obstacles: tuple[str, ...]


def in_time(
    hours: float | None, request: Request, folder: Path, progress: Progress
) -> tuple[Request, Planned | None]:
    """Return the request with settings that end a new run in so many hours. Without `hours`, the
    request is returned unchanged. A run that has begun goes on with the settings that were chosen
    for it. Raises UserError if it began without `hours` or is given more generations, or if nothing
    ends in time."""
    if not hours:
        return request, None
    if (folder / "run.db").is_file():
        with closing(Ledger(folder / "run.db")) as ledger:
            begun, chosen = ledger.meta("settings") is not None, ledger.meta(CHOSEN)
        more = str(request.overrides.get("generations", "")).startswith("+")
        if chosen is not None and not more:
            return request._replace(chosen=chosen), None
        if begun:  # else it was killed while it was being made
            raise UserError(
                f"--hours {hours:g}: it is for new runs, and {folder} has begun without it, or is "
                "given more generations; leave it out to go on, or give another --run"
            )
    from self_evolution.forecast.hours import choose
    from self_evolution.forecast.verdict import obstacles

    start = time.perf_counter()
    with probed(request, progress, hours) as probe:
        probe.asked_for()
        left = hours - (time.perf_counter() - start) / 3600  # what was done until now counts too
        plan, fits = choose(probe.stages, probe.stages.run.config, left)
        if not fits:
            raise UserError(too_long(hours, plan))
        reasons = tuple(obstacles(probe.stages, plan.forecast, folder))
        planned = Planned(plan, probe.stages.run.models.loaded, reasons)
    return request._replace(chosen=plan.changes), planned


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
        chosen = ", ".join(f"{flag} {value}" for flag, value in flags(planned.plan.changes))
        run.progress.say(f"to end in time: {chosen or 'nothing has to be changed'}")
        run.progress.say(f"forecast: {words.summary(planned.plan.forecast)}")
        _warn(run, planned.obstacles)
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
    run.ledger.set_forecast(found.rows)
    for line in (
        *words.lines(found),
        f"forecast: {words.summary(found)}",
        *words.unmeasured(probe.sample),
    ):
        run.progress.say(line)
    _warn(run, obstacles(probe.stages, found, run.folder))


def _warn(run: Run, reasons: Iterable[str]) -> None:
    for reason in reasons:
        run.progress.say(f"this run may not work: {reason}")
