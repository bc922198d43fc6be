"""The machine: processor, devices, memory, disk, and programs that some features use."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

from self_evolution.models.base.memory import memory_bytes
from self_evolution.upkeep.findings import Finding

LEAST_MEMORY = 2.5e9
"""Bytes that the miniature needs, with the libraries' address space."""

LEAST_DISK = 1e9

_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16")
_PROGRAMS = {
    "convert-hf-to-gguf": ("export --to gguf and ollama", "put llama.cpp's converter on the PATH"),
    "llama-quantize": ("GGUF in few bits (q4_k_m)", "install llama.cpp"),
    "vllm": ("serving an export --to vllm", "install vLLM in an environment of its own"),
    "ollama": ("serving an export --to ollama", "install Ollama"),
    "chromium": ("the tests of pages", "install Chromium"),
}
"""{program: (what needs it, what to do)}"""

_OTHER_NAMES = {
    "convert-hf-to-gguf": ("convert_hf_to_gguf.py",),
    "chromium": ("chromium-browser", "google-chrome"),
}


def machine(folder: Path) -> Iterator[Finding]:
    """Yield the findings on the machine; runs go to `folder`."""
    yield _processor()
    yield _memory()
    yield _disk(folder)
    yield from _devices()
    yield from _programs()


def _processor() -> Finding:
    text = ""
    path = Path("/proc/cpuinfo")
    if path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace")
    flags = {
        word
        for line in text.splitlines()
        if line.startswith(("flags", "Features"))
        for word in line.split()
    }
    found = [flag for flag in _FLAGS if flag in flags]
    detail = f"{os.cpu_count()} cores, {platform.machine()}, {' '.join(found) or 'no vector units'}"
    return Finding("processor", "good", detail)


def _memory() -> Finding:
    size, limit = memory_bytes()
    detail = f"{size / 1e9:.1f} GB {limit}"
    if size >= LEAST_MEMORY:
        return Finding("memory", "good", detail)
    cure = f"at least {LEAST_MEMORY / 1e9:.1f} GB are needed, also for the smallest model: "
    cure += "raise the limit (ulimit -v unlimited)" if "ulimit" in limit else "add memory"
    return Finding("memory", "broken", detail, cure)


def _disk(folder: Path) -> Finding:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free
    detail = f"{free / 1e9:.1f} GB free in {there}"
    if not os.access(there, os.W_OK):
        return Finding("disk", "broken", f"{there} cannot be written to", "give another --run")
    if free < LEAST_DISK:
        return Finding("disk", "broken", detail, "free some space, or give another --run")
    return Finding("disk", "good", detail)


def _devices() -> Iterator[Finding]:
    try:
        import torch

        from self_evolution.models.base.loading import devices

        there = devices()
    except Exception:  # torch does not load: the packages tell
        return
    detail = ", ".join(there)
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        detail += (
            f" ({torch.cuda.get_device_name()}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free)"
        )
    yield Finding("devices", "good", detail)
    if (count := torch.cuda.device_count()) > 1:
        shared = torch.distributed.is_nccl_available()
        cure = "" if shared else "install a torch that has NCCL; until then: --train.parallel none"
        detail = f"{count} GPUs would share the training (train.parallel)"
        yield Finding("several devices", "good" if shared else "missing", detail, cure)
    if Path("/proc/driver/nvidia/version").is_file() and "cuda" not in detail:
        yield Finding(
            "GPU",
            "broken",
            f"this machine has an NVIDIA driver, and torch {torch.__version__} does not use it",
            "install a torch that is built for CUDA; nvidia-smi shows whether the driver works",
        )


def _programs() -> Iterator[Finding]:
    for name, (what, cure) in _PROGRAMS.items():
        found = any(map(shutil.which, (name, *_OTHER_NAMES.get(name, ()))))
        yield Finding(name, "good" if found else "missing", what, "" if found else cure)
    there = importlib.util.find_spec("llama_cpp") is not None
    cure = "" if there else "pip install llama-cpp-python; or --server with a running llama.cpp"
    what = "testing a GGUF in this process"
    yield Finding("llama-cpp-python", "good" if there else "missing", what, cure)
