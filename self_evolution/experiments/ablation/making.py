"""Making the runs of an ablation: rows that are equal in several variants are made once and copied.

FOLDER/shared/… holds runs that end before the first stage in which variants differ. A variant's
run begins as a copy of such a run's ledger, with its own settings; from then on it is a run like
any other, and knows nothing of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from self_evolution import report
from self_evolution.errors import Stopped, UserError
from self_evolution.evaluation.abilities import ABILITIES
from self_evolution.evolve import evolve
from self_evolution.experiments.ablation.variants import STEPS, Step, Variant, first_step, name
from self_evolution.models import Engine
from self_evolution.progress import Progress
from self_evolution.run import Run
from self_evolution.run.open import Request, copy_run, open_run
from self_evolution.schedule import left, plan
from self_evolution.stages import perform

Match = Literal["steps", "samples", "nothing"]

_LAST_FOR_ALL: Step = (0, "build")
"""The last stage that is made once for all seeds. It is after building, so that all seeds have the
same test questions."""


class Shared(NamedTuple):
    """A run that ends with stage `last`, for all variants that have these `values`."""

    folder: Path
    values: dict[str, str]
    last: Step


class _Maker:
    """Makes runs one after the other in this process. They share one loaded model if their settings
    of the model are equal."""

    def __init__(self, folder: Path, request: Request, progress: Progress) -> None:
        self.folder, self.request, self.progress = folder, request, progress
        self._engine: Engine | None = None
        self._model: object = None

    def work(self, folder: Path, request: Request, last: Step | None) -> dict[str, tuple[int, ...]]:
        """Continue the run to its end, or to the end of stage `last`.

        Returns the numbers by which others are matched with it.
        """
        with open_run(folder, request, self.progress, new=True) as run:
            self._lend(run)
            if last is not None:
                order = plan(1, run.config)
                upto = STEPS[: STEPS.index(last) + 1]
                end = max(order.index(step) for step in upto if step in order)
                for step in order[: end + 1]:
                    perform(run, *step)
            else:
                _finish(run)
            self._engine = run.models.loaded
            tests = any(item.suite != ABILITIES for item in run.ledger.items.all())
            if run.ledger.stage_done(0, "evaluate") and not tests:
                raise UserError(
                    f"{folder}: no evaluation set, so nothing would show a difference; give one "
                    "with --eval FILE, and another --run"
                )
            trained = run.ledger.training.adapters()
            if run.stop_asked:  # while the last batch of all was under way
                raise Stopped
        steps = tuple(row.steps for row in trained)
        return {"steps": steps, "samples": tuple(row.examples for row in trained)}

    def _lend(self, run: Run) -> None:
        if run.config.model != self._model:
            self._engine, self._model = None, run.config.model
        if self._engine is not None:
            run.models.use_loaded(self._engine)
            self._engine = None  # given, not shared: the run may have to give it up

    def shared(self, chain: Sequence[Shared], seed: int) -> Path | None:
        """The run that the last of `chain` names, made from those before it if it is not there."""
        if not chain:
            return None
        folder, values, last = chain[-1]
        seeded = {} if _for_all_seeds(last) else {"seed": str(seed)}
        own = self.with_settings({**values, **seeded})
        if not (folder / "run.db").is_file():
            self.progress.say(f"== {folder.relative_to(self.folder)}: what variants share")
        self.begin(folder, chain[:-1], seed, own)
        self.work(folder, own, last)
        return folder

    def begin(self, folder: Path, chain: Sequence[Shared], seed: int, request: Request) -> None:
        """Begin the run as a copy of the shared run, unless it has begun already."""
        if not (folder / "run.db").is_file() and (source := self.shared(chain, seed)):
            copy_run(source, folder, request, self.progress)

    def with_settings(self, values: Mapping[str, object]) -> Request:
        return self.request._replace(overrides={**self.request.overrides, **values})


def make(
    folder: Path,
    request: Request,
    chosen: Sequence[Variant],
    seeds: Sequence[int],
    match: Match,
    progress: Progress,
) -> None:
    """Make every variant with every seed, completely, in `folder`/VARIANT/seed-N.

    With `match`, each generation of a variant is trained for as many steps (or on as many examples)
    as the same generation of the first variant with the same seed. The first variant is made first.
    """
    _require_ours(folder)
    keys = {key for one in chosen for key in one.values} | set(request.overrides)
    if match != "nothing" and (there := keys & {"train.steps", "train.samples"}):
        flag = sorted(there)[0].replace("_", "-")
        raise UserError(f"--{flag} and --match {match} exclude each other: give --match nothing")
    maker = _Maker(folder, request, progress)
    total, done = len(chosen) * len(seeds), 0
    for seed in seeds:
        matched: dict[str, object] = {}
        for place, one in enumerate(chosen):
            done += 1
            mine = place_of(folder, one, seed)
            progress.say(f"== {done} of {total}: {one.name}, seed {seed}")
            own = maker.with_settings({**one.values, "seed": str(seed), **matched})
            maker.begin(mine, list(chain(folder, one, seed)), seed, own)
            made = maker.work(mine, own, None)
            if match != "nothing" and place == 0:
                matched = {f"train.{match}": list(made[match])}


def _require_ours(folder: Path) -> None:
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if "run.db" in there or (there and not any(one == "shared" or "=" in one for one in there)):
        what = "a run, not an ablation" if "run.db" in there else "not empty"
        raise UserError(f"{folder}: {what}; give another --run")


def place_of(folder: Path, one: Variant, seed: int) -> Path:
    return folder / one.name / f"seed-{seed}"


def chain(folder: Path, one: Variant, seed: int) -> Iterator[Shared]:
    """The shared runs on which variant `one` with `seed` stands, the first ones first.

    Documents are read and split, and test questions are built, once for all seeds, because seeds
    with different questions could not be compared. Everything later depends on the seed. If the
    varied settings first matter in different stages, there is a shared run for each of these
    stages.
    """
    keys = list(one.values)
    levels = sorted({first_step(key) for key in keys}, key=STEPS.index)
    reached = min(STEPS.index(levels[0]), STEPS.index(_LAST_FOR_ALL) + 1)
    if reached:
        yield Shared(folder / "shared" / "documents", {}, STEPS[reached - 1])
    for level in levels:
        if STEPS.index(level) <= reached:
            continue
        reached = STEPS.index(level)
        fixed = {k: v for k, v in one.values.items() if STEPS.index(first_step(k)) < reached}
        place = folder / "shared" / name(fixed, keys) / f"seed-{seed}"
        yield Shared(place, fixed, STEPS[reached - 1])


def _for_all_seeds(last: Step) -> bool:
    """Whether a run that ends there is the same with any seed."""
    return STEPS.index(last) <= STEPS.index(_LAST_FOR_ALL)


def _finish(run: Run) -> None:
    page = run.folder / "report" / "index.html"
    if not left(run.config, run.ledger) and page.is_file():
        run.progress.say("   complete")
        return
    evolve(run)
    report.write(run.config, run.ledger, page)
