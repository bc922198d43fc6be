"""The command line: what help shows, how settings are given, and that every command is there."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from self_evolution import cli, config
from self_evolution.cli import parser
from self_evolution.cli.commands import ALIASES, COMMANDS
from self_evolution.config.sections import StrategyName
from self_evolution.ledger import Ledger

DAILY = {
    "--model",
    "--model.device",
    "--model.dtype",
    "--model.download",
    "--limit",
    "--ask.per-fragment",
    "--pairs",
    "--teacher",
    "--select.strategy",
    "--select.k",
    "--generations",
    "--train.learning-rate",
    "--train.rank",
    "--seed",
    "--eval",
    "--evaluate.questions",
    "--against",
    "--judge",
    "--run",
    "--recipe",
    "--hours",
    "--accept-change",
    "--then",
    "--help",
    "--help-all",
}
"""The flags of `run` that people use."""

WITH_SETTINGS = [name for name, command in COMMANDS.items() if command.common is not None]


@pytest.fixture
def help_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    def show(*words: str, columns: int = 80) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit) as stop:
            parser.parse(list(words))
        assert stop.value.code == 0
        return capsys.readouterr().out

    return show


def _flags(shown: str) -> set[str]:
    """The flags that open a line of help, with those after a comma."""
    opening = re.findall(r"^  (-.*?)(?:  |$)", shown, re.MULTILINE)
    return set(re.findall(r"--[\w.-]+", " ".join(opening)))


def test_help_of_run_shows_what_people_use(help_of: Callable[..., str]) -> None:
    assert _flags(help_of("run", "--help")) == DAILY


@pytest.mark.parametrize("name", WITH_SETTINGS)
def test_help_all_shows_every_setting_that_the_command_takes(
    name: str, help_of: Callable[..., str]
) -> None:
    sections = COMMANDS[name].sections
    expected = {
        "--" + key.replace("_", "-")
        for key, _ in config.fields()
        if key not in ("recipe", "read.documents")
        and (not sections or key.rpartition(".")[0] in sections)
    }
    shown = help_of(name, "--help-all")
    assert expected <= _flags(shown)
    assert "rollback" not in shown, "settings of earlier versions are taken, not shown"


def test_help_explains_a_setting_with_its_default(help_of: Callable[..., str]) -> None:
    shown = " ".join(help_of("train", "--help").split())
    assert "Highest learning rate of the first generation. (default: 0.0002)" in shown
    assert "|".join(get_args(StrategyName)) in help_of("select", "--help")


@pytest.mark.parametrize("columns", [80, 100])
@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS)], ids=lambda w: " ".join(w))
def test_help_fits_the_terminal(
    words: list[str], columns: int, help_of: Callable[..., str]
) -> None:
    pages = [help_of(*words, "--help", columns=columns)]
    if words and words[0] in WITH_SETTINGS:
        pages.append(help_of(*words, "--help-all", columns=columns))
    assert [line for page in pages for line in page.splitlines() if len(line) > columns] == []


def test_help_fits_eighty_columns_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    command = [sys.executable, "-m", "self_evolution", "run", "--help-all"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert 60 < max(map(len, lines)) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_names_a_function(name: str) -> None:
    module, _, function = COMMANDS[name].function.partition(".")
    assert callable(getattr(importlib.import_module(f"self_evolution.cli.{module}"), function))


@pytest.mark.parametrize("name", WITH_SETTINGS)
def test_every_common_setting_of_a_command_is_one(name: str) -> None:
    known = {key for key, _ in config.fields()}
    known |= {key.partition(".")[0] for key in known}
    common = COMMANDS[name].common or {}
    assert {key for keys in common.values() for key in keys} <= known


def test_every_setting_can_be_given_on_the_command_line() -> None:
    for key, value in config.Config().flat().items():
        if key in ("recipe", "read.documents"):
            continue
        flag = "--" + key.replace("_", "-")
        word = ",".join(value) if isinstance(value, list) else str(value)
        overrides = parser.parse(["run", flag, word]).overrides
        assert config.Config().changed(overrides) == config.Config(), key


def test_a_setting_of_an_earlier_version_can_be_given_too() -> None:
    overrides = parser.parse(["run", "--promote.rollback", "false"]).overrides
    assert config.Config().changed(overrides).promote.on_failure == "continue"


@pytest.mark.slow
def test_a_run_of_an_earlier_version_goes_on(
    arguments: Callable[..., list[str]], tmp_path: Path
) -> None:
    assert cli.main(arguments("run", "--generations", "1")) == 0
    ledger = Ledger(tmp_path / "run" / "run.db")
    settings = ledger.meta("settings")
    settings["promote"] |= {"rollback": True}
    settings["train"] |= {"alpha": 64, "weight_decay": 0.0}
    ledger.set_meta("settings", settings)
    ledger.close()
    assert cli.main(arguments("run", "--recipe", "default", "--generations", "2")) == 0
    assert "rollback" not in (tmp_path / "run" / "recipe.yaml").read_text()


@pytest.mark.parametrize(("earlier", "name"), ALIASES.items())
def test_the_earlier_name_of_a_command_still_works(
    earlier: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert earlier not in COMMANDS
    with pytest.raises(SystemExit, match="0"):
        cli.main([earlier, "--help"])
    assert f"self-evolution {name}" in capsys.readouterr().out
