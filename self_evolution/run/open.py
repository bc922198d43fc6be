"""Opening a run: a new one from a recipe, or one that is there, if it is still the same."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
from collections.abc import Container, Iterator
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from self_evolution import config
from self_evolution.config import Config
from self_evolution.documents import readers
from self_evolution.documents.changes import compare, sources
from self_evolution.documents.readers.items import read_conversations, read_items
from self_evolution.errors import UserError
from self_evolution.ledger import Ledger
from self_evolution.models import engines, other_models
from self_evolution.models.endpoint_keys import refuse_shared_key
from self_evolution.models.ifd import read_template
from self_evolution.models.log_backends import check_report_to
from self_evolution.progress import Progress
from self_evolution.prompts import Prompts
from self_evolution.run import Run, locked
from self_evolution.run import compatibility as sameness
from self_evolution.run.side_files import digests, settled, side_files


class Request(NamedTuple):
    """What the command line asks for. `recipe` empty: the run's own, or the default.

    `reads` is the wish to have the folders looked at again, `again` to have read once more what
    could not be read.
    """

    recipe: str = ""
    overrides: dict[str, Any] = {}  # noqa: RUF012 - never written to
    documents: tuple[str, ...] = ()
    accept_change: bool = False
    reads: bool = False
    again: bool = False


@contextlib.contextmanager
def opened(folder: Path, request: Request, progress: Progress, new: bool = False) -> Iterator[Run]:
    """The run in `folder`, locked for this process; Ctrl-C asks it to stop after its batch.

    `new` admits that there is none yet, and makes it. Raises UserError if the folder is not ours,
    or if settings, model or documents are not those the run began with.
    """
    there = (folder / "run.db").is_file()
    if not there and not new:
        raise UserError(f"{folder}: no run here; `self-evolution run DOCS… --run {folder}`")
    if not there and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: not a run of ours, and not empty; give another --run")
    checked = None if there else _checked(request, progress)
    if not there:
        _make(folder)
    with locked(folder), contextlib.closing(Ledger(folder / "run.db")) as ledger:
        if ledger.meta("settings") is None:  # new, or killed while it was being made
            settings = checked or _checked(request, progress)
            _begin(ledger, settings)
        else:
            settings = _resume(folder, ledger, request, progress)
        _write_recipe(folder, settings)
        run = Run(folder, settings, ledger, progress)
        run.read_again = request.again
        with stop_signals(run):
            yield run


@contextlib.contextmanager
def looked_at(folder: Path) -> Iterator[tuple[Config, Ledger]]:
    """Settings and ledger of a run, which may be at work meanwhile, or lie on a read-only disk."""
    if not (folder / "run.db").is_file():
        raise UserError(f"{folder}: no run here; `self-evolution run DOCS… --run {folder}`")
    ledger = Ledger(folder / "run.db", read_only=not os.access(folder, os.W_OK))
    with contextlib.closing(ledger):
        if ledger.meta("settings") is None:
            raise UserError(f"{folder}: the run has not begun; `self-evolution run` begins it")
        yield config.parse(ledger.meta("settings"), str(folder)), ledger


def branch(source: Path, folder: Path, request: Request, progress: Progress) -> None:
    """Make the new run `folder`, which goes on from where `source` is, with settings of its own.

    Whether these agree with the rows of `source` is the caller's matter. The folder is there under
    its name once it is whole. Raises UserError as `opened` does.
    """
    settings = _checked(request, progress)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    _make(partial)
    with looked_at(source) as (_, ledger):
        ledger.copy(partial / "run.db")
    with contextlib.closing(Ledger(partial / "run.db")) as copied:
        _begin(copied, settings)
    partial.rename(folder)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--run {folder}: {error.strerror}; give another --run") from None


def _new_settings(request: Request) -> Config:
    overrides = dict(request.overrides)
    if request.documents:
        overrides["read.documents"] = list(request.documents)
    return settled(config.load(request.recipe or "default").changed(overrides))


def _checked(request: Request, progress: Progress) -> Config:
    """The settings of a new run, once all that they name has been looked at."""
    settings = _new_settings(request)
    readers.find(sources(settings.read.documents), settings.read.follow_links)
    _refuse_early(settings)
    _refuse_others(settings, (), progress)
    return settings


def _refuse_early(settings: Config) -> None:
    """Look at the model's folder and every file the settings name.

    So that a mistake is found before anything is made, not in the middle of the night.
    """
    engines.check_engine(settings.model)
    check_report_to(settings.train.report_to)
    Prompts(settings.domain)
    files = side_files(settings)
    for key, path in files.items():
        if not path.is_file():
            raise UserError(f"--{key.replace('_', '-')} {path}: no such file")
    for key in ("evaluate.file", "evaluate.retention_file"):
        if key in files:
            read_items(files[key])
    if "score.template" in files:
        read_template(settings.score.template)
    if "train.rehearsal_file" in files:
        read_conversations(files["train.rehearsal_file"])
    elif settings.train.rehearsal:
        raise UserError("--train.rehearsal needs conversations: give --train.rehearsal-file")


def _refuse_others(settings: Config, known: Container[str], progress: Progress) -> None:
    """Look at every other model that is not `known`: ask an endpoint for what it has."""
    judge = settings.evaluate.judge
    named = [(name, other_models.AGAINST) for name in settings.evaluate.against]
    if judge and not Prompts(settings.domain).judges:
        raise UserError(
            f"--evaluate.judge {judge}: the prompt profile {settings.domain.prompts} has no "
            "`judge`, so it cannot be asked; leave the judge out, or take another profile"
        )
    if judge and judge != "base":
        named.append((judge, other_models.JUDGE))
    told = [other_models.notice(*one) for one in named]
    refuse_shared_key(name for name, _ in named)
    for (name, flag), text in zip(named, told, strict=True):
        if name not in known:
            progress.say_once(text)
            other_models.check(settings.model, name, flag)


def _begin(ledger: Ledger, settings: Config) -> None:
    with ledger.transaction():
        ledger.set_meta("settings", settings.model_dump(mode="json"))
        ledger.set_meta("model", engines.identity(settings.model))
        ledger.set_meta("files", digests(settings))
        ledger.set_meta("versions", _versions())


def _versions() -> dict[str, str]:
    """Of what the results depend on, for the report."""
    packages = ("self-evolution", "torch", "transformers", "peft", "accelerate", "tokenizers")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def _resume(folder: Path, ledger: Ledger, request: Request, progress: Progress) -> Config:
    """The settings to go on with. Raises UserError if that would mix what does not belong."""
    stored = config.parse(ledger.meta("settings"), str(folder))
    base = config.load(request.recipe) if request.recipe else stored
    documents = request.documents or stored.read.documents
    wanted = settled(base.changed({**request.overrides, "read.documents": list(documents)}))
    begun = ledger.count("fragment") + ledger.count("prediction") > 0
    sameness.of_settings(folder, stored, wanted, request.accept_change, begun)
    sameness.of_files(folder, ledger, wanted, request.accept_change)
    if wanted.generations < (last := ledger.evaluations.last()):
        raise UserError(f"--generations {wanted.generations}: this run has {last} already")
    if begun and engines.identity(wanted.model) != ledger.meta("model"):
        raise UserError(
            f"{folder}: the model in {wanted.model.name} is not the one this run began with; "
            "put the old one back, or start a new run with another --run"
        )
    if request.documents or request.reads:
        changes = compare(ledger, wanted.read, request.again)
        if changes and ledger.stage_done(0, "read"):
            sameness.of_documents(
                folder, ledger, changes, wanted, request.reads, request.accept_change
            )
            ledger.reopen("read", "split")
    if wanted != stored:
        _refuse_early(wanted)
        before = stored.evaluate
        _refuse_others(wanted, (*before.against, before.judge), progress)
        with ledger.transaction():
            if set(wanted.evaluate.against) - set(before.against):
                ledger.reopen("rivals", "judge")
            elif wanted.evaluate.judge != before.judge:
                ledger.reopen("judge")
            ledger.set_meta("settings", wanted.model_dump(mode="json"))
            ledger.set_meta("model", engines.identity(wanted.model))
            ledger.set_meta("files", digests(wanted))
    return wanted


def _write_recipe(folder: Path, settings: Config) -> None:
    """recipe.yaml is for people; the ledger's copy is what counts."""
    path = folder / "recipe.yaml"
    text = config.dump(settings)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        temporary = folder / "recipe.yaml.tmp"
        try:
            temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; nothing is lost, run it again") from None
        temporary.rename(path)


@contextlib.contextmanager
def stop_signals(run: Run) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) stops after the batch, a second one at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        if run.stop_asked:
            raise KeyboardInterrupt
        run.stop_asked = True
        run.progress.say("\nstopping after this batch (Ctrl-C again stops at once)")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
