"""Opening a run to work on it: a new run, or an existing one whose settings and files still fit."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from self_evolution import config
from self_evolution.config import Config
from self_evolution.documents.changes import find_changes, sources
from self_evolution.documents.readers.files import find
from self_evolution.errors import UserError
from self_evolution.files import complete
from self_evolution.ledger import Ledger
from self_evolution.models import engines
from self_evolution.progress import Progress
from self_evolution.retrieval import has_index
from self_evolution.run import compatibility
from self_evolution.run.at_work import forget
from self_evolution.run.preflight import check_files, check_others
from self_evolution.run.process import STOP, locked, stop_signals
from self_evolution.run.read import no_run, read_run
from self_evolution.run.run import Run
from self_evolution.run.side_files import digests, settled
from self_evolution.schedule import out_of_patience

CHOSEN = "hours"
"""The key under which the ledger keeps the settings that were chosen for the run."""


class Request(NamedTuple):
    """What the command line asks for. An empty `recipe` means the run's own recipe, or the default.

    `chosen` are settings that were chosen so that the run ends in time; they go before the others.
    With `reads`, the folders are looked at again. With `again`, files that could not be read are
    tried again.
    """

    recipe: str = ""
    overrides: dict[str, Any] = {}  # noqa: RUF012 - never written to
    documents: tuple[str, ...] = ()
    accept_change: bool = False
    reads: bool = False
    again: bool = False
    chosen: dict[str, Any] | None = None

    @property
    def changes(self) -> dict[str, Any]:
        return {**self.overrides, **(self.chosen or {})}

    def settings(self) -> Config:
        """The settings of a new run. Raises UserError if the recipe or a value is not valid."""
        overrides = self.changes
        if self.documents:
            overrides["read.documents"] = list(self.documents)
        return config.load(self.recipe or "default").changed(overrides)


@contextlib.contextmanager
def open_run(
    folder: Path, request: Request, progress: Progress, new: bool = False
) -> Iterator[Run]:
    """Open the run in `folder`, locked for this process. Ctrl-C stops it as soon as possible.

    With `new`, a run that does not exist is made. Raises UserError if the folder is not ours, or if
    settings, model or documents are not those the run began with.
    """
    there = (folder / "run.db").is_file()
    if not there and not new:
        raise no_run(folder)
    if not there and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: not a run, and not empty; give another --run")
    checked = None if there else check_request(request, progress)
    if not there:
        _make(folder)
    with locked(folder), contextlib.closing(Ledger(folder / "run.db")) as ledger:
        (folder / STOP).unlink(missing_ok=True)  # it was meant for an earlier process
        if ledger.meta("settings") is None:  # new, or killed while it was being made
            settings = checked or check_request(request, progress)
            _begin(ledger, settings, request.chosen)
        else:
            settings = _resume(folder, ledger, request, progress)
        _write_recipe(folder, settings)
        forget(ledger)
        run = Run(folder, settings, ledger, progress)
        run.read_again = request.again
        with stop_signals(run):
            if ledger.stage_done(0, "split") and not has_index(ledger):
                run.update_index()  # an earlier version made it when it was first needed
            try:
                yield run
            finally:
                run.models.close_cluster()


def copy_run(source: Path, folder: Path, request: Request, progress: Progress) -> None:
    """Make the new run `folder` as a continuation of `source`, with settings of its own.

    The caller makes sure that these settings agree with the rows of `source`. A number format that
    they leave open is that of `source`, not the one that would be settled now. The folder appears
    under its name once it is complete. Raises UserError as `open_run` does.
    """
    settings = check_request(request, progress)
    with complete(folder) as partial:
        _make(partial)
        with read_run(source) as run:
            if request.settings().model.dtype == "auto":
                settings = settings.changed({"model.dtype": run.config.model.dtype})
            run.ledger.copy(partial / "run.db")
        with contextlib.closing(Ledger(partial / "run.db")) as copied:
            _begin(copied, settings, None)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--run {folder}: {error.strerror}; give another --run") from None


def check_request(request: Request, progress: Progress) -> Config:
    """Return the settings of a new run. Raises UserError if something that they name is missing."""
    settings = settled(request.settings())
    if settings.read.documents or settings.ask.per_fragment:  # else there are only trusted pairs
        find(sources(settings.read.documents), settings.read.follow_links)
    check_files(settings)
    check_others(settings, (), progress)
    return engines.settled(settings)


def _begin(ledger: Ledger, settings: Config, chosen: dict[str, Any] | None) -> None:
    with ledger.transaction():
        _keep_settings(ledger, settings)
        if chosen is not None:
            ledger.set_meta(CHOSEN, chosen)
        ledger.set_meta("versions", _versions())


def _keep_settings(ledger: Ledger, settings: Config) -> None:
    """Store the settings, and the digests by which the model and the files are recognised later."""
    ledger.set_meta("settings", settings.model_dump(mode="json"))
    ledger.set_meta("model", engines.identity(settings.model))
    ledger.set_meta("files", digests(settings))


def _versions() -> dict[str, str]:
    """The versions of Python and the libraries that results depend on, for the report."""
    packages = ("self-evolution", "torch", "transformers", "peft", "accelerate", "tokenizers")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def _resume(folder: Path, ledger: Ledger, request: Request, progress: Progress) -> Config:
    """Return the settings to continue with. Raises UserError if they would mix incompatible
    rows."""
    stored = config.parse(ledger.meta("settings"), str(folder))
    base = config.load(request.recipe) if request.recipe else stored
    documents = request.documents or stored.read.documents
    overrides = request.changes
    more = str(overrides.get("generations", ""))
    if more.startswith("+") and more[1:].isdecimal():
        overrides["generations"] = _more(folder, stored, ledger, int(more))
    wanted = settled(base.changed({**overrides, "read.documents": list(documents)}))
    before = stored.model.dtype
    # It was settled when the run began, here or elsewhere. An earlier version left it open, which
    # was float32 on a CPU.
    if wanted.model.dtype == "auto" or (before, wanted.model.dtype) == ("auto", "float32"):
        wanted = wanted.changed({"model.dtype": before})
    if wanted.train.checkpointing == "auto":
        wanted = wanted.changed({"train.checkpointing": stored.train.checkpointing})
    begun = ledger.count("fragment") + ledger.count("prediction") > 0
    compatibility.of_settings(folder, stored, wanted, request.accept_change, begun)
    compatibility.of_pairs(folder, ledger, wanted)
    compatibility.of_files(folder, ledger, wanted, request.accept_change)
    if wanted.generations < (last := ledger.evaluations.last()):
        raise UserError(f"--generations {wanted.generations}: this run has {last} already")
    if begun and engines.identity(wanted.model) != ledger.meta("model"):
        raise UserError(
            f"{folder}: the model in {wanted.model.name} is not the one this run began with; "
            "put the old one back, or start a new run with another --run"
        )
    if request.documents or request.reads:
        changes = find_changes(ledger, wanted.read, request.again)
        if changes and ledger.stage_done(0, "read"):
            compatibility.of_documents(
                folder, ledger, changes, wanted, request.reads, request.accept_change
            )
            ledger.reopen("read", "split")
    if wanted != stored:
        check_files(wanted)
        asked = stored.evaluate
        check_others(wanted, (*asked.against, asked.judge, stored.ask.teacher), progress)
        with ledger.transaction():
            if set(wanted.evaluate.against) - set(asked.against):
                ledger.reopen("rivals", "judge")
            elif wanted.evaluate.judge != asked.judge:
                ledger.reopen("judge")
            _keep_settings(ledger, wanted)
    return wanted


def _more(folder: Path, stored: Config, ledger: Ledger, more: int) -> int:
    """The number of generations that `--generations +N` asks for: N after those that are finished.

    The same command goes on with them after an interruption. Raises UserError if the run ended
    early.
    """
    wanted = max(stored.generations, ledger.evaluations.last() + more)
    if out_of_patience(stored.changed({"generations": wanted}), ledger):
        raise UserError(
            f"{folder}: ended early, because the last generations were not promoted; give "
            f"--promote.patience 0 --accept-change too, so that `--generations +{more}` trains on"
        )
    return wanted


def _write_recipe(folder: Path, settings: Config) -> None:
    """Write recipe.yaml for people; the settings in the ledger are the ones that count."""
    path = folder / "recipe.yaml"
    text = config.dump(settings)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        try:
            with complete(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; nothing is lost, run it again") from None
