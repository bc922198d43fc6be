"""The files that settings name, besides documents and model."""

from __future__ import annotations

import hashlib
from pathlib import Path

from self_evolution import miniature as embedded
from self_evolution.config import Config

FAQ = "faq"
"""The name of the pairs and the test questions that ship with the recipe `demo`."""

# For each such setting: the words that are not a path, and the file that each stands for.
_WORDS: dict[str, dict[str, Path | None]] = {
    "evaluate.file": {"embedded": embedded.EVALUATION, FAQ: embedded.FAQ_EVALUATION},
    "evaluate.retention_file": {"embedded": embedded.RETENTION, "general": embedded.GENERAL},
    "ask.pairs": {FAQ: embedded.FAQ},
    "train.rehearsal_file": {"embedded": embedded.REHEARSAL},
    "model.chat_template": {"plain": None},
    "domain.prompts": dict.fromkeys(("auto", "zh", "en", "embedded")),
    "score.template": {},
}


def side_files(settings: Config) -> dict[str, Path]:
    """{setting: path} of the files that `settings` name, without built-in files and empty
    settings."""
    flat = settings.flat()
    named = {key: (flat[key], words) for key, words in _WORDS.items() if flat[key]}
    found = {key: words.get(name, Path(name)) for key, (name, words) in named.items()}
    return {key: path for key, path in found.items() if path is not None}


def digests(settings: Config) -> dict[str, str]:
    """{setting: SHA-256} of the files that exist, by which a run recognises them."""
    return {
        key: hashlib.sha256(path.read_bytes()).hexdigest()
        for key, path in side_files(settings).items()
        if path.is_file()
    }


def settled(settings: Config) -> Config:
    """Return the settings with absolute paths, so that a run can be continued from any folder."""
    words = {key: settings.flat()[key] for key in (*_WORDS, "model.name")}
    paths: dict[str, object] = {
        key: absolute(name)
        for key, name in words.items()
        if name and name not in _WORDS.get(key, ("embedded",)) and absolute(name) != name
    }
    if (teacher := settings.ask.teacher) != absolute(teacher):
        paths["ask.teacher"] = absolute(teacher)
    if (judge := settings.evaluate.judge) != "base" and absolute(judge) != judge:
        paths["evaluate.judge"] = absolute(judge)
    rivals = settings.evaluate.against
    if rivals != (found := tuple(map(absolute, rivals))):
        paths["evaluate.against"] = found
    return settings.changed(paths) if paths else settings


def absolute(name: str) -> str:
    """Return the absolute path of an existing file or folder; any other name stays as it is."""
    path = Path(name).expanduser()
    given = name not in ("", "embedded")
    return str(path.absolute()) if given and path.exists() else name
