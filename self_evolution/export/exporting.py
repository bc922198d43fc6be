"""The steps of an export: it is checked, written under a temporary name, tested, and then
renamed."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

from self_evolution.errors import UserError, nearest
from self_evolution.export import EXPORTS
from self_evolution.export.card import CARD, read_card, test, write_card
from self_evolution.export.comparing import Compared, compare, loss, missing, require_power
from self_evolution.export.job import Format, Job, again
from self_evolution.models import Generator, other_models
from self_evolution.progress import Progress
from self_evolution.run.process import locked

_SPARE = 64 << 20
"""Bytes of disk that are left free: for the card, and for what else is written meanwhile."""

SERVER = "--server"


class Wanted(NamedTuple):
    """The wishes for an export; `accepted` is the loss in points that is accepted."""

    format: str
    folder: Path
    accepted: float


def format_module(name: str) -> Format:
    """Raises UserError if there is no format of that name."""
    if name not in EXPORTS:
        raise UserError(f"--to {name}: no such format; {nearest(name, list(EXPORTS))}")
    return cast(Format, importlib.import_module(EXPORTS[name]))


def untested(folder: Path) -> Path:
    """Where an export waits that nothing in this process can run."""
    return folder.with_name(folder.name + ".untested")


def unfinished(folder: Path) -> Path:
    """Where an export is written: under a name that nobody else uses, so that it may be emptied."""
    return folder.with_name(f".{folder.name}.self-evolution-export")


def export(job: Job, wanted: Wanted, progress: Progress) -> list[Compared]:
    """Write the export and test it; it appears under its name only if it is still the same.

    Raises UserError if something is missing, if the loss is not shown to be within the bound, or
    if nothing here can run it: it then waits as `untested`.
    """
    form = format_module(wanted.format)
    _require_new(wanted.folder)
    _require_own(untested(wanted.folder))
    require_power(job.run, job.generation, wanted.accepted)
    require_disk(wanted.folder.absolute().parent, form.check(job))
    with _temporary(wanted.folder) as partial:
        progress.say(f"writing {wanted.format}")
        form.write(job, partial)
        _refuse_faults(form, job, partial)
        model = form.open_model(job, partial)
        if model is None:
            _card(form, job, partial, wanted, [])
            waiting = untested(wanted.folder)
            shutil.rmtree(waiting, ignore_errors=True)
            _settle(partial, waiting)
            raise UserError(_to_do(form, job, wanted, waiting))
        found = _tested(form, job, wanted, model, progress)
        _card(form, job, partial, wanted, [test(found, "this process")])
        _settle(partial, wanted.folder)
    return found


def test_server(job: Job, wanted: Wanted, server: str, progress: Progress) -> list[Compared]:
    """Put the locked questions to a server that runs an earlier export, and note it on the card.

    Raises UserError if there is no such export, or if the loss is not shown to be within the bound.
    """
    form = format_module(wanted.format)
    require_power(job.run, job.generation, wanted.accepted)
    waiting = untested(wanted.folder)
    folder = wanted.folder if wanted.folder.exists() else waiting
    card = read_card(job, folder, wanted.format)
    job = replace(job, quantisation=card.get("quantisation", job.quantisation))
    progress.print_once(other_models.notice(server, SERVER))
    other = other_models.open_model(job.settings, server, SERVER)
    found = _tested(form, job, wanted, other.generator, progress)
    tests = [*card["tests"], test(found, other.identity)]
    _card(form, job, folder, wanted, tests)
    if folder == waiting:
        _settle(waiting, wanted.folder)
    return found


def _tested(
    form: Format, job: Job, wanted: Wanted, model: Generator, progress: Progress
) -> list[Compared]:
    try:
        found = compare(job.run, job.generation, model, progress)
    finally:
        model.close()
    if not found:
        raise UserError(
            "no test question fits the window of the exported model, so nothing was compared"
        )
    if problem := loss(found, wanted.accepted):
        cause = missing(found) or form.suspect(job)
        raise UserError(
            f"not exported: {problem}. The likely cause is {cause}. --accept-loss N accepts a loss "
            "of N points"
        )
    return found


def _refuse_faults(form: Format, job: Job, folder: Path) -> None:
    if faults := list(form.faults(job, folder)):
        raise UserError(f"not exported: {'; '.join(faults)}")


def _require_new(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"--output {folder}: it is there already; give another, or remove it")


def _require_own(waiting: Path) -> None:
    """Raises UserError if the folder has something that is not an earlier export."""
    if waiting.exists() and not (waiting / CARD).is_file():
        raise UserError(
            f"{waiting}: it is there already and is not an export, but an export that is not "
            "tested yet would get this name; give another --output, or remove it"
        )


def require_disk(parent: Path, needed: int) -> None:
    """Raises UserError if so many bytes cannot be written into `parent`, which is made."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(parent).free
    except OSError as error:
        raise UserError(f"--output {parent}: {error.strerror}; give another folder") from None
    if free < needed + _SPARE:
        raise UserError(
            f"--output {parent}: {(needed + _SPARE) / 1e9:.2f} GB are needed and "
            f"{free / 1e9:.2f} GB are free; make room, or give a folder on another disk"
        )


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """An empty folder beside `folder`, which is gone at the end unless it was renamed."""
    partial = unfinished(folder)
    partial.mkdir(exist_ok=True)
    with locked(partial):
        _empty(partial)  # an earlier export was killed
        try:
            yield partial
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _card(
    form: Format, job: Job, folder: Path, wanted: Wanted, tests: Sequence[dict[str, object]]
) -> None:
    place = wanted.folder.absolute()
    usage = form.usage(job, place)
    if form.ADDRESS:
        command = again(job, wanted.format, place)
        usage += f"\nWhen it runs, the test questions can be put to it:\n\n    {command} \\\n"
        usage += f"      --server {form.ADDRESS}\n"
    write_card(job, folder, wanted.format, tests, wanted.accepted, usage)


def _settle(partial: Path, folder: Path) -> None:
    """Bring all files to the disk, then give the folder its name."""
    for path in partial.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    partial.rename(folder)


def _to_do(form: Format, job: Job, wanted: Wanted, waiting: Path) -> str:
    return (
        f"{wanted.format} is written but not tested, because nothing in this process can run it "
        f"(llama-cpp-python is not installed). It waits in {waiting}. Start a server with it:\n"
        f"\n{form.usage(job, waiting)}\nand run the same command with --server {form.ADDRESS}; "
        "the folder gets its name if the answers are still the same"
    )
