"""Format `vllm`: the adapter with the command line by which vLLM serves it on its base."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

from self_evolution.export import adapter
from self_evolution.export.adapter_files import CONFIG
from self_evolution.export.job import TEMPLATE, Base, Job
from self_evolution.models import Generator
from self_evolution.models.base.memory import BYTES, stored_dtype

SCRIPT = "serve.sh"
NAME = "tuned"
"""The model's name at the server."""

ADDRESS = f"http://127.0.0.1:8000/v1#{NAME}"


def check(base: Base) -> int:
    return adapter.check(base)


def foreseen(base: Base, folder: Path) -> Iterator[str]:
    yield from adapter.foreseen(base, folder)


def write(job: Job, folder: Path) -> None:
    adapter.write(job, folder)
    here = '"$(dirname "$(realpath "$0")")"'
    text = "#!/bin/sh\n# Serves the tuned model on this machine alone.\nexec "
    (folder / SCRIPT).write_text(text + _command(job, here) + ' "$@"\n', encoding="utf-8")
    (folder / SCRIPT).chmod(0o755)


def faults(job: Job, folder: Path) -> Iterator[str]:
    yield from adapter.faults(job, folder)


def open_model(job: Job, folder: Path) -> Generator | None:
    return adapter.open_model(job, folder)


def suspect(job: Job) -> str:
    return adapter.suspect(job)


def usage(job: Job, folder: Path) -> str:
    return f"""\
    sh {shlex.quote(str(folder / SCRIPT))}

It starts vLLM with the base and the adapter, which has the name `{NAME}` there.
"""


def _command(job: Job, here: str) -> str:
    rank = json.loads((job.adapter / CONFIG).read_text(encoding="utf-8"))["r"]
    most = next(size for size in (8, 16, 32, 64, 128, 256, 320, 512, rank) if size >= rank)
    # The base's own sampling (temperature, penalties) was not evaluated, so it is left out.
    words = ["vllm", "serve", shlex.quote(str(job.base)), "--host", "127.0.0.1"]
    words += ["--enable-lora", "--max-lora-rank", str(most), "--lora-modules", f"{NAME}={here}"]
    words += ["--chat-template", f"{here}/{TEMPLATE}", "--generation-config", "vllm"]
    words += ["--dtype", _dtype(job)]
    return " ".join(words)


def _dtype(job: Job) -> str:
    """The number format of the run. Left to itself, vLLM rounds a base in float32."""
    if (given := job.settings.dtype) != "auto":
        return given
    stored = stored_dtype(job.base)
    return stored if stored in BYTES else "auto"
