"""The wheel holds every file of the package, so that an installed copy works like a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from self_evolution import __version__

ROOT = Path(__file__).resolve().parents[1]
NEEDED = "77"
"""Earlier setuptools refuse a licence that is given as text, as pyproject.toml has it."""


def _files(package: Path) -> set[str]:
    return {
        path.relative_to(package.parent).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources."""
    pytest.importorskip("setuptools", minversion=NEEDED, reason=f"needs setuptools {NEEDED}")
    folder = tmp_path_factory.mktemp("wheel")
    source, out = folder / "source", folder / "out"
    shutil.copytree(
        ROOT / "self_evolution",
        source / "self_evolution",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    out.mkdir()
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    (made,) = out.glob("self_evolution-*.whl")
    return made


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == _files(ROOT / "self_evolution")


@pytest.mark.slow
def test_the_wheel_installed_in_an_empty_environment_works(
    wheel: Path, arguments: Callable[..., list[str]], tmp_path: Path
) -> None:
    """Its requirements are borrowed from this environment; nothing of the checkout is in reach."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    install = ["install", "--quiet", "--no-index", "--no-deps", "--no-compile", str(wheel)]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, *install], check=True, capture_output=True)
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def call(*words: str) -> str:
        command = [str(python.with_name("self-evolution")), *words]
        environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = "import self_evolution as package; print(package.__file__)"
    found = subprocess.run(
        [python, "-I", "-c", where], capture_output=True, text=True, check=True
    ).stdout
    assert found.startswith(str(site))
    assert call("--version") == f"self-evolution {__version__}\n"
    assert "Private documents in" in call("--help")
    assert "report: " in call(*arguments("run"))
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    assert "<title>" in page
    assert "complete: 2 generations" in call("status", str(tmp_path / "run"))
    recipe = call("run", "--recipe", "embedded", "--help")
    assert "--train.rank" in recipe
