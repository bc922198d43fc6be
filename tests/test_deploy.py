"""The unit of systemd and the container's file: what can be checked without either."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from self_evolution.cli import parser

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
UNIT = DEPLOY / "self-evolution@.service"


def _settings() -> dict[str, str]:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_the_unit_calls_a_command_that_there_is() -> None:
    program, *words = shlex.split(_settings()["ExecStart"])
    assert Path(program).name == "self-evolution"
    options = parser.parse(words)
    assert (options.command, options.run) == ("run", "/var/lib/self-evolution/%i")


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    program = shlex.split(_settings()["ExecStart"])[0]
    text = UNIT.read_text(encoding="utf-8").replace(program, "/bin/true")
    (tmp_path / UNIT.name).write_text(text)
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(tmp_path / UNIT.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_container_takes_the_documented_wheelhouse() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    page = (DEPLOY.parent / "docs" / "installation.md").read_text(encoding="utf-8")
    for command in (
        "pip wheel -c constraints.txt -w wheelhouse .",
        "podman build -f deploy/Containerfile -t self-evolution .",
    ):
        assert command in text and command in page
    install = "--no-deps wheelhouse/*.whl"
    assert install in text and install in page
