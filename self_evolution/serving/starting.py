"""Runs that are started from the browser, each in a process of its own that outlives the service.

All of them lie in one folder: for the run NAME the uploaded documents in `NAME.documents`, the run
itself in `NAME`, and what its process prints in `NAME.log`.
"""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from self_evolution import config
from self_evolution.errors import UserError
from self_evolution.run.process import is_running
from self_evolution.run.read import RunReader
from self_evolution.serving.processes import Conflict, Processes, tail

NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}"
"""How a run may be named: it becomes the name of a folder, and has no dot, slash or space."""
EMBEDDED = "embedded"
"""The model that ships with the package."""
LONGEST_FILE_NAME = 200
"""Bytes of the name of an uploaded file."""

State = Literal["starting", "running", "stopped", "not begun"]


class Started(NamedTuple):
    """A run of the folder. `starting`: its process has not made the run yet; `not begun`: it ended
    before it had, and the log says why."""

    name: str
    state: State


class Starter:
    """Starts runs in `folder`, with a model of the folder `models`, the recipe's or the embedded
    one. Its methods may be called by any thread."""

    def __init__(self, folder: Path, models: Path | None, processes: Processes) -> None:
        """Raises UserError if one of the folders is not there, or cannot be written."""
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise UserError(
                f"--runs {folder}: expected a folder that can be written; make it first"
            )
        if models and not models.is_dir():
            raise UserError(f"--models {models}: no such folder; expected one with models")
        self.folder = folder.absolute()
        self._models = models.absolute() if models else None
        self._processes = processes
        self._readers: dict[str, RunReader] = {}
        self._lock = threading.Lock()

    @property
    def recipes(self) -> list[str]:
        return sorted(path.stem for path in config.RECIPES.glob("*.yaml"))

    @property
    def models(self) -> list[str]:
        """The models that may be named: folders and GGUF files below the models' folder."""
        found = [EMBEDDED]
        if self._models:
            paths = [
                *(path.parent for path in self._models.glob("**/config.json")),
                *self._models.glob("**/*.gguf"),
            ]
            found += sorted(str(path.relative_to(self._models)) for path in paths)
        return found

    def runs(self) -> list[Started]:
        """The runs of the folder, with those whose process has not made one yet."""
        there = {path.parent.name for path in self.folder.glob("*/run.db")}
        logs = {path.stem for path in self.folder.glob("*.log")}
        names = sorted(name for name in there | logs if re.fullmatch(NAME, name))
        return [Started(name, self.state(name)) for name in names]

    def state(self, name: str) -> State:
        folder = self.folder / name
        alive = self._processes.is_alive(folder)  # asked always, so that it can end
        if folder.is_dir() and is_running(folder):
            return "running"
        if (folder / "run.db").is_file():
            return "stopped"  # its process locks the run before it makes this file
        return "starting" if alive else "not begun"

    def reader(self, name: str) -> RunReader | None:
        """The run of that name to read from; None if there is none, or it has not begun yet."""
        with self._lock:
            if name not in self._readers and re.fullmatch(NAME, name):
                try:
                    found = RunReader(self.folder / name)
                except UserError:
                    return None
                try:
                    _ = found.config
                except UserError:
                    found.close()
                    return None
                self._readers[name] = found
            return self._readers.get(name)

    def log(self, name: str) -> str | None:
        """The end of what the process of a run has printed; None if it was not started here."""
        if not re.fullmatch(NAME, name):
            return None
        try:
            return tail(self._log(name))
        except FileNotFoundError:
            return None

    def documents(self, name: str) -> Path:
        """The folder for the documents of a new run, which is made.

        Raises Conflict if there is a run of that name.
        """
        self._check_new(name)
        folder = self.folder / f"{name}.documents"
        folder.mkdir(exist_ok=True)
        return folder

    def keep(self, name: str, part: Path, path: Path) -> None:
        """Give an uploaded file its name among the documents of a new run.

        Raises Conflict if a run of that name was started while the file came.
        """
        with self._lock:
            self._check_new(name)
            if not part.is_file():
                raise Conflict(
                    f"the run {name} was started while {path.name} came, and could not begin; send "
                    "the file again"
                )
            part.replace(path)

    def start(self, name: str, recipe: str, model: str, files: Sequence[str]) -> None:
        """Start a new run on the uploaded `files`; without any, on the documents of the recipe.

        An empty `model` is that of the recipe. Raises UserError for what there is not, and Conflict
        if there is a run of that name, or another run is at work.
        """
        with self._lock:
            self._check_new(name)
            self.check_free()
            words = ["run", "--recipe", recipe, "--run", str(self.folder / name)]
            settings = self._settings(recipe)
            if model:
                words += ["--model", self._model(model)]
            elif not settings.model.name:
                raise UserError(f"the recipe {recipe} names no model; choose one")
            if files:
                words.append(str(self._chosen(name, files)))
            elif not settings.read.documents:
                raise UserError(f"the recipe {recipe} names no documents; upload some")
            if old := self._readers.pop(name, None):  # of a run that somebody has removed
                old.close()
            self._processes.begin(self.folder / name, words, self._log(name), self.folder)

    def go_on(self, run: RunReader, further: int) -> None:
        """Go on with a run of the folder. Raises Conflict as `Processes.go_on` does."""
        self._processes.go_on(run, further, self._log(run.folder.name), self.folder)

    def check_free(self) -> None:
        """Raises Conflict if a run of the folder is at work; an earlier service may have begun
        it."""
        if busy := [one.name for one in self.runs() if one.state in ("starting", "running")]:
            raise Conflict(f"the run {busy[0]} is at work; wait for its end, or stop it first")

    def close(self) -> None:
        """End the reading; the runs go on."""
        for reader in self._readers.values():
            reader.close()

    def _check_new(self, name: str) -> None:
        if not re.fullmatch(NAME, name):
            raise UserError(
                f"name {name[:60]!r}: expected up to 40 letters, digits, - and _, and a letter or "
                "digit at the beginning"
            )
        if (self.folder / name).exists() or self.state(name) == "starting":
            raise Conflict(f"there is a run {name} already; give another name")

    def _settings(self, recipe: str) -> config.Config:
        if recipe not in self.recipes:
            raise UserError(f"recipe {recipe[:60]!r}: expected one of {', '.join(self.recipes)}")
        return config.load(recipe)

    def _model(self, model: str) -> str:
        if model not in self.models:
            raise UserError(f"model {model[:60]!r}: expected one of {', '.join(self.models)}")
        return model if model == EMBEDDED or not self._models else str(self._models / model)

    def _chosen(self, name: str, files: Sequence[str]) -> Path:
        """The folder with the uploaded files, from which all others are removed."""
        folder = self.folder / f"{name}.documents"
        there = {path.name for path in folder.glob("*")}
        if missing := sorted(set(files) - there):
            raise UserError(f"document {missing[0][:60]!r}: was not uploaded for the run {name}")
        for other in there - set(files):
            (folder / other).unlink(missing_ok=True)  # an upload may have ended meanwhile
        return folder

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def file_name(text: str) -> str:
    """The name of an uploaded file, in the folder of its run.

    Raises UserError unless it is the name of a file, without folders, that is no hidden one.
    """
    name = unicodedata.normalize("NFC", text)
    strange = [char for char in name if char in "/\\" or unicodedata.category(char)[0] == "C"]
    if not name.strip() or strange or name.startswith(".") or not _is_short(name):
        raise UserError(
            f"file {name[:60]!r}: expected the name of a file, without folders and invisible "
            f"characters, of up to {LONGEST_FILE_NAME} bytes, that does not begin with a dot"
        )
    return name


def _is_short(name: str) -> bool:
    return len(name.encode("utf-8", "surrogatepass")) <= LONGEST_FILE_NAME
