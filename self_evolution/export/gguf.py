"""Format `gguf`: one file for llama.cpp, in a number format that is named."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from self_evolution.errors import UserError
from self_evolution.export import converters, merged
from self_evolution.export.conversations import CONVERSATIONS
from self_evolution.export.job import Base, Job
from self_evolution.export.llama_cpp import LlamaCpp, installed
from self_evolution.export.templates import copy_tokenizer, template_faults
from self_evolution.models import Generator
from self_evolution.models.base.memory import BYTES, FILLED, memory_bytes
from self_evolution.records import Message

ADDRESS = "http://127.0.0.1:8080/v1"


def check(base: Base) -> int:
    converters.require_tools(base.quantisation)
    whole = _weights(base) * BYTES[_merged_in(base)]
    bits = converters.bits(base.quantisation)
    bits += 0 if base.quantisation in converters.DIRECT else 16
    return int(whole + _weights(base) * bits / 8)


def _weights(base: Base) -> float:
    return merged.check(base) / BYTES[merged.dtype(base)]


def _merged_in(base: Base) -> str:
    """float32 where there is room in memory, so that weights are rounded once: to the number format
    of the file, and not before that to the base's."""
    if 4 * _weights(base) < FILLED * memory_bytes()[0]:
        return "float32"
    return merged.dtype(base)


def foreseen(base: Base, folder: Path) -> Iterator[str]:
    """The converter may not know the tokenizer, and its file may split text otherwise."""
    yield from vocabulary_faults(base, folder)


def write(job: Job, folder: Path) -> None:
    whole = folder / "merged"
    whole.mkdir()
    merged.write_as(_merged_in(job), job, whole)
    for fault in merged.faults(job, whole):
        raise UserError(f"not exported: {fault}")
    converters.convert(whole, job.quantisation, folder / name(job))
    shutil.rmtree(whole)


def faults(job: Job, folder: Path) -> Iterator[str]:
    if installed():
        yield from prompt_faults(job, folder / name(job))


def open_model(job: Job, folder: Path) -> Generator | None:
    if not installed():
        return None
    return LlamaCpp(folder / name(job), window=window(job))


def suspect(job: Job) -> str:
    if job.quantisation in ("f32", "f16", "bf16"):
        return f"precision: the weights are rounded to {job.quantisation}"
    return (
        f"quantisation: the weights are rounded to {job.quantisation}; template and merged "
        "weights were checked before, so --quantisation f16 (or bf16) loses less"
    )


def usage(job: Job, folder: Path) -> str:
    return f"""\
    llama-server -m {shlex.quote(str(folder / name(job)))} --host 127.0.0.1 --port 8080 --jinja
"""


def vocabulary_faults(
    base: Base, folder: Path, render: Callable[[Sequence[Message]], str] | None = None
) -> Iterator[str]:
    """Find the faults of `prompt_faults` with a file that has only the tokenizer. It is written
    into the empty `folder`."""
    whole, path = folder / "base", folder / "vocabulary.gguf"
    whole.mkdir()
    shutil.copyfile(base.base / "config.json", whole / "config.json")
    copy_tokenizer(base, whole)
    converters.convert_vocabulary(whole, path)
    if installed():
        yield from prompt_faults(base, path, render)


def prompt_faults(
    base: Base, path: Path, render: Callable[[Sequence[Message]], str] | None = None
) -> Iterator[str]:
    """Describe a file that llama.cpp cannot load, or whose prompts are not those of the run."""
    try:
        model = LlamaCpp(path, vocabulary=True, render=render)
    except ValueError as error:
        yield f"{path.name} is cut off or damaged: llama.cpp cannot load it ({error})"
        return
    own = base.chat()
    texts = {message["content"] for messages in CONVERSATIONS for message in messages}
    if any(model.text(text) != own.text(text) for text in sorted(texts)):
        yield (
            "tokenizer: plain text becomes other tokens than in the run, so the converter does "
            "not know how this model splits text"
        )
    else:
        yield from template_faults(base, model.prompt)
    model.close()


def name(job: Job) -> str:
    return f"model-{job.quantisation}.gguf"


def window(job: Job) -> int:
    """Tokens of context that the run's questions may take, with their passages and answers."""
    settings = job.config
    shown = settings.split.max_tokens * max(1, settings.evaluate.top_k)
    wanted = 2 * shown + settings.evaluate.max_tokens + 1024
    config = json.loads((job.base / "config.json").read_text(encoding="utf-8"))
    config |= config.get("text_config") or {}
    return min(wanted, int(config.get("max_position_embeddings") or wanted))
