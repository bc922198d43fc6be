"""vLLM itself serves what was exported, and answers the locked questions as the run did."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import tiny
import vllm_server
from exports import BOUND, learnt
from safetensors.torch import load_file, save_file

from self_evolution import cli
from self_evolution.run.read import read_run

pytestmark = [pytest.mark.drill, pytest.mark.timeout(1800), vllm_server.needed]

SHAPES: dict[str, dict[str, Any]] = {
    "llama3": {},
    "qwen2": {},
    "gemma3": {"head_dim": 32, "query_pre_attn_scalar": 32},
}


@pytest.fixture(scope="module", params=SHAPES)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a tiny model in that shape. Its right answers end by themselves."""
    folder, name = tmp_path_factory.mktemp(request.param), request.param
    changes = vllm_server.SHAPE | SHAPES[name]
    model = tiny.make(tiny.KINDS[name], folder / "model", words=True, **changes)
    return learnt(model, folder)


def _words(run: Path, format: str, folder: Path) -> list[str]:
    return ["export", str(run), "--to", format, "-o", str(folder), "--accept-loss", str(BOUND)]


def _same_as_the_run(folder: Path, address: str) -> None:
    """By the card, this process and the server answered all six questions as the run did."""
    here, there = json.loads((folder / "card.json").read_text(encoding="utf-8"))["tests"]
    assert there["answered_by"] == address
    for (task,) in (here["tasks"], there["tasks"]):
        assert task["questions"] == task["same_answers"] == 6
        assert task["run"] == task["exported"] > 80


def _with_other_names(folder: Path, target: Path) -> Path:
    """A copy whose weights have names as in a model with pictures, all of which vLLM skips."""
    shutil.copytree(folder, target)
    path, before = target / "adapter_model.safetensors", "base_model.model."
    weights = load_file(path)
    save_file(
        {name.replace(before, f"{before}language_model."): one for name, one in weights.items()},
        path,
    )
    return target


def test_a_server_with_the_adapter_is_accepted_and_one_that_skips_it_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    words = _words(run, "vllm", folder)
    assert cli.main(words) == 0
    wrong = _with_other_names(folder, tmp_path / "wrong")
    command = ["sh", str(folder / "serve.sh"), "--lora-modules"]
    command += [f"tuned={folder}", f"wrong={wrong}"]
    with read_run(run) as found:
        base = found.config.model.name
    with vllm_server.started(command, tmp_path / "log") as url:
        assert cli.main([*words, "--server", f"{url}#tuned"]) == 0
        _same_as_the_run(folder, f"{url}#tuned")
        for name in ("wrong", base):
            capsys.readouterr()
            assert cli.main([*words, "--server", f"{url}#{name}"]) == 2
            error = capsys.readouterr().err
            assert "0.0% where the run has" in error
            assert "cause is missing modules: 6 of 6 answers" in error


def test_a_server_with_the_merged_model_is_accepted(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    words = _words(run, "merged", folder)
    assert cli.main(words) == 0
    command = ["vllm", "serve", str(folder), "--host", "127.0.0.1", "--generation-config", "vllm"]
    with vllm_server.started(command, tmp_path / "log") as url:
        assert cli.main([*words, "--server", f"{url}#{folder}"]) == 0
    _same_as_the_run(folder, f"{url}#{folder}")
