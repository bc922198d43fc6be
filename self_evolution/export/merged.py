"""Format `merged`: the base with the adapter inside its weights, in safetensors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from self_evolution.errors import UserError
from self_evolution.export import adapter
from self_evolution.export.adapter_files import adapter_faults, modules
from self_evolution.export.job import TEMPLATE, Base, Job
from self_evolution.export.templates import copy_tokenizer, plain_prompt, template_faults
from self_evolution.models import Generator, open_engine
from self_evolution.models.base import loading
from self_evolution.models.base.memory import BYTES, stored_dtype
from self_evolution.models.training import lora
from self_evolution.text.counts import many

ADDRESS = ""


def check(base: Base) -> int:
    dtype(base)
    return sum(path.stat().st_size for path in base.base.glob("*.safetensors"))


def foreseen(base: Base, folder: Path) -> Iterator[str]:
    yield from adapter.foreseen(base, folder)


def write(job: Job, folder: Path) -> None:
    write_as(dtype(job), job, folder)


def write_as(kind: str, job: Job, folder: Path) -> None:
    """Write the weights in the number format `kind`.

    They are added up in float32 and rounded once, because the adapter is in float32.
    """
    import transformers

    whole = {"device": "cpu", "dtype": kind, "quantize": "none"}
    model, _ = loading.load(job.settings.model_copy(update=whole))
    model = lora.load(model, None, job.adapter, job.sha256).merge_and_unload()
    generation: Any = transformers.GenerationConfig()
    own = getattr(model, "generation_config", None) or generation
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):  # its sampling was not evaluated
        setattr(generation, name, getattr(own, name, None))
    model.generation_config = generation
    model.save_pretrained(str(folder), safe_serialization=True)
    copy_tokenizer(job, folder)


def faults(job: Job, folder: Path) -> Iterator[str]:
    yield from adapter_faults(job.adapter, job.base)
    yield from _weight_faults(job, folder)
    yield from template_faults(job, plain_prompt(folder, folder / TEMPLATE))


def open_model(job: Job, folder: Path) -> Generator | None:
    own = {"name": str(folder), "chat_template": "", "quantize": "none"}
    return open_engine(job.settings.model_copy(update=own))


def suspect(job: Job) -> str:
    return (
        f"precision: the merged weights are rounded to {dtype(job)}, where the run adds the "
        "adapter to the base at each step; --to adapter keeps it apart"
    )


def usage(job: Job, folder: Path) -> str:
    return f"""\
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained({str(folder)!r})
    model = AutoModelForCausalLM.from_pretrained({str(folder)!r}, dtype="auto")
"""


def dtype(base: Base) -> str:
    """The number format of the base's files: float32, bfloat16 or float16.

    Raises UserError if it is another.
    """
    found = stored_dtype(base.base)
    if found not in BYTES:
        raise UserError(
            f"{base.base}: its weights are {found}, into which an adapter cannot be merged; "
            "--to adapter works"
        )
    return found


def _weight_faults(job: Job, folder: Path) -> Iterator[str]:
    """Describe a file that is cut off, weights that are missing, and modules that did not
    change."""
    from safetensors import SafetensorError

    try:
        before, after = _tensors(job.base), _tensors(folder)
    except (SafetensorError, OSError) as error:
        yield f"a file of the merged weights is cut off or damaged ({error})"
        return
    tied = {name for name in before if name.endswith("lm_head.weight")}
    if missing := sorted(set(before) - set(after) - tied):
        yield f"missing: {many(len(missing), 'weight')} of the base not there, such as {missing[0]}"
        return
    changed = {name for name in before if name in after and _differs(before[name], after[name])}
    expected = [f"{one}.weight" for one in modules(job.adapter)]
    unchanged = [name for name in expected if name in before and name not in changed]
    if not changed:
        yield "weights that do nothing: the merged weights are those of the base"
    elif unchanged:
        yield (
            f"missing modules: {len(unchanged)} of {len(expected)} that the adapter changes are as "
            f"in the base, such as {unchanged[0]}"
        )


def _tensors(folder: Path) -> dict[str, tuple[Path, str]]:
    """{name of a weight: where it is}, over all files of a model."""
    from safetensors import safe_open

    found: dict[str, tuple[Path, str]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            found |= {name: (path, name) for name in list(file.keys())}
    return found


def _differs(one: tuple[Path, str], other: tuple[Path, str]) -> bool:
    import torch
    from safetensors import safe_open

    with safe_open(one[0], "pt") as first, safe_open(other[0], "pt") as second:
        before, after = first.get_tensor(one[1]), second.get_tensor(other[1])
        return not torch.equal(before.to(after.dtype), after)
