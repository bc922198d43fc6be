"""doctor: this machine, and broken ones that are really broken."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tiny

from self_evolution import cli
from self_evolution.upkeep import packages
from self_evolution.upkeep.machine import LEAST_MEMORY

PACKAGE = Path(__file__).resolve().parents[1]


def _doctor(*words: str, limit: int = 0, first: Path | None = None) -> tuple[int, dict[str, str]]:
    """(exit status, {subject: state, detail and cure}) of a process of its own.

    `limit`: bytes of address space. `first`: a folder whose packages go before all others.
    """
    command = [sys.executable, "-m", "self_evolution", "doctor", "--json", *words]
    paths = [str(path) for path in (first, PACKAGE) if path]
    done = subprocess.run(
        ["sh", "-c", f'ulimit -v {limit // 1024 or "unlimited"}; exec "$@"', "sh", *command],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    rows = json.loads(done.stdout)
    return done.returncode, {
        row["subject"]: f"{row['state']}: {row['detail']} → {row['cure']}" for row in rows
    }


def test_this_machine_is_good(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = str(tiny.folder("qwen2"))
    assert cli.main(["doctor", "--model", folder, "--run", str(tmp_path / "run")]) == 0
    text = capsys.readouterr().out
    assert "✓ packages: " in text and "✓ devices: cpu" in text
    assert f"✓ model: {folder}: tokenizer and chat template are there" in text
    assert "✓ disk: " in text and f"GB free in {tmp_path}" in text
    assert "all that is needed works" in text and "✗" not in text


def test_a_model_without_a_template_and_a_folder_without_a_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main(["doctor", "--model", str(tiny.folder("base"))]) == 1
    text = capsys.readouterr().out
    assert "✗ model: " in text and "has no chat template" in text
    assert "give --model.chat-template plain" in text and "1 must be mended" in text
    assert cli.main(["doctor", "--model", str(tmp_path)]) == 1
    assert "the folder has no config.json" in capsys.readouterr().out


@pytest.mark.slow
def test_a_machine_without_memory() -> None:
    status, found = _doctor(limit=int(LEAST_MEMORY) - 1_000_000_000)
    assert status == 1
    assert found["memory"].startswith("broken: 1.5 GB by ulimit -v → at least 2.5 GB are needed")
    assert "ulimit -v unlimited" in found["memory"]


@pytest.mark.slow
def test_a_wrong_torch_and_a_package_that_is_too_old(tmp_path: Path) -> None:
    site = tmp_path / "site"
    for name, version in (("torch", "1.13.1"), ("accelerate", "0.1")):
        described = site / f"{name}-{version}.dist-info"
        described.mkdir(parents=True)
        (described / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
    (site / "safetensors").mkdir()
    (site / "safetensors" / "__init__.py").write_text("raise ImportError('libX.so is missing')\n")
    status, found = _doctor("--model", str(tiny.folder("qwen2")), first=site)
    assert status == 1
    assert found["torch"] == (
        "broken: is version 1.13.1, >=2.7 is needed → pip install -c constraints.txt 'torch>=2.7'"
    )
    assert found["accelerate"].startswith("broken: is version 0.1, >=1.12 is needed")
    # It is whole, and only fails to load because of others.
    needed = "torch, accelerate, safetensors"
    assert found["peft"].endswith(f"→ first mend what peft needs: {needed}")
    assert "cannot be loaded (ImportError: libX.so is missing)" in found["safetensors"]
    assert "--force-reinstall -c constraints.txt safetensors" in found["safetensors"]
    assert "model" not in found  # nothing can be said of it with these packages


def test_a_package_that_only_other_packages_require_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packages, "LOADED", ("of-another-package",))
    (found,) = [one for one in packages.packages() if one.subject == "of-another-package"]
    assert (found.state, found.detail) == ("broken", "is not installed")


def test_a_model_that_is_too_large_for_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No weights are read, so a configuration of 8 billion parameters stands for the model."""
    shutil.copytree(tiny.folder("llama3"), tmp_path / "large")
    path = tmp_path / "large" / "config.json"
    config = json.loads(path.read_text())
    config |= {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32}
    config |= {"num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128}
    path.write_text(json.dumps(config | {"vocab_size": 128256}))
    monkeypatch.setattr("self_evolution.upkeep.doctor.memory_bytes", lambda: (12e9, "by cgroup"))
    monkeypatch.setattr("self_evolution.models.base.precision.bfloat16_pays", lambda: False)
    monkeypatch.setattr("self_evolution.models.base.precision.SMALL_BYTES", 0)
    assert cli.main(["doctor", "--model", str(tmp_path / "large")]) == 1
    text = capsys.readouterr().out
    assert "✗ memory for the model: about " in text
    assert "in float32 (computed), 12.0 GB are there by cgroup" in text
    assert "→ take a smaller model, --model.dtype bfloat16, a smaller" in text
    # Where a run would begin in bfloat16 the model takes half of that.
    monkeypatch.setattr("self_evolution.models.base.precision.bfloat16_pays", lambda: True)
    needed = float(text.partition("model: about ")[2].split()[0])
    half = 0.75 * needed * 1e9
    monkeypatch.setattr("self_evolution.upkeep.doctor.memory_bytes", lambda: (half, "by cgroup"))
    cli.main(["doctor", "--model", str(tmp_path / "large")])
    text = capsys.readouterr().out
    assert "in bfloat16 (computed)" in text
    assert "✗ memory for the model" not in text
