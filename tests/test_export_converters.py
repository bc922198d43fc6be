"""A program that writes GGUF fails, and the message names the reason."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from self_evolution.errors import UserError
from self_evolution.export import converters

ALL_OF_IT = """
import time
try:
    with open(path, "wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
except OSError as error:
    time.sleep(2)  # long enough to be seen
"""
FAILS = """
os.remove(path)
sys.exit({reason!r})
"""


@pytest.fixture
def converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    script = tmp_path / "bin" / converters.CONVERTERS[0]
    script.parent.mkdir()
    script.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    return script


def failing(script: Path, reason: str, before: str = 'open(path, "wb").close()\n') -> None:
    opening = "import os, sys\npath = sys.argv[sys.argv.index('--outfile') + 1]\n"
    script.write_text(f"#!{sys.executable}\n{opening}{before}{FAILS.format(reason=reason)}")


@pytest.mark.parametrize(
    "reason",
    ["OSError: [Errno 28] No space left on device", "write: No space left on device\nIt failed."],
)
def test_a_converter_that_names_the_full_disk_and_removes_its_file(
    converter: Path, tmp_path: Path, reason: str
) -> None:
    failing(converter, reason)
    with pytest.raises(OSError, match="No space left on device"):
        converters.convert(tmp_path, "f16", tmp_path / "model.gguf")


def test_a_full_disk_that_is_named_beside_other_words(converter: Path, tmp_path: Path) -> None:
    failing(converter, "INFO: loading", "open(path, 'wb').close()\nprint('[Errno 28] no space')\n")
    with pytest.raises(OSError, match="No space left on device"):
        converters.convert(tmp_path, "f16", tmp_path / "model.gguf")


def test_a_converter_that_fills_the_disk_and_says_nothing_of_it(
    converter: Path, small_disk: Path
) -> None:
    failing(converter, "iostream error", ALL_OF_IT)
    with pytest.raises(OSError, match="No space left on device"):
        converters.convert(small_disk, "f16", small_disk / "model.gguf")
    assert not list(small_disk.iterdir())


def test_another_failure_is_told_as_the_converter_tells_it(converter: Path, tmp_path: Path) -> None:
    failing(converter, "the model has no config")
    with pytest.raises(UserError, match=r"convert the model \(the model has no config\)"):
        converters.convert(tmp_path, "f16", tmp_path / "model.gguf")
