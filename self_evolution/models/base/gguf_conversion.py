"""A GGUF file is converted to a folder of safetensors, through transformers' own loader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from self_evolution.errors import UserError, first_line
from self_evolution.text.counts import many

_MAGIC = b"GGUF"
_EXACT_IN_FLOAT32 = frozenset({"F32", "F16", "F64", "Q8_0", "Q8_1", "Q8_K"})
"""Types of weights that bfloat16 would make noticeably coarser than they are."""


def convert(file: Path, folder: Path) -> None:
    """Write the model, its tokenizer and its chat template to an existing folder.

    The weights become bfloat16 if most of them have fewer than 8 bits or are bfloat16 already, else
    float32. Raises UserError that says what the file is, or what it lacks.
    """
    name = f"--model {file}"
    kinds = _examined(file)
    import torch
    import transformers

    exact = sum(n for kind, n in kinds.items() if kind in _EXACT_IN_FLOAT32)
    dtype = torch.float32 if exact > kinds.total() / 2 else torch.bfloat16
    given: dict[str, Any] = {"gguf_file": file.name, "local_files_only": True}
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(file.parent, **given)
    except Exception as error:
        raise UserError(
            f"{name}: its tokenizer is of a kind that transformers does not read from GGUF "
            f"({first_line(error)}); give the model as a folder of safetensors"
        ) from error
    try:
        loaded, found = transformers.AutoModelForCausalLM.from_pretrained(
            file.parent, dtype=dtype, output_loading_info=True, **given
        )
    except Exception as error:
        raise UserError(
            f"{name}: transformers cannot load it ({first_line(error)}); give the model as a "
            "folder of safetensors"
        ) from error
    missing = sorted({*found["missing_keys"], *map(str, found["mismatched_keys"])})
    if missing:
        raise UserError(
            f"{name}: {many(len(missing), 'weight')} missing in it or of another shape, such as "
            f"{missing[0]}; fetch the file again, or give the model as a folder of safetensors"
        )
    # A model that was loaded from GGUF refuses to be saved, so its weights go into a new one.
    config = loaded.config
    del config.quantization_config
    config.dtype = dtype
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    model.load_state_dict(loaded.state_dict(), assign=True)
    model.tie_weights()
    model.generation_config = loaded.generation_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _examined(file: Path) -> Counter[str]:
    """{type of weights: number of weights}.

    Raises UserError if the file is none that can be converted.
    """
    name = f"--model {file}"
    with file.open("rb") as opened:
        if opened.read(len(_MAGIC)) != _MAGIC:
            raise UserError(f"{name}: not a GGUF file; expected one, or a folder of safetensors")
    try:
        import gguf
    except ImportError:
        raise UserError(
            f"{name}: to read GGUF, the package gguf is needed; "
            "pip install 'self-evolution[gguf]' installs it"
        ) from None
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    try:
        reader = gguf.GGUFReader(file)
        fields = {
            key: reader.fields[key].contents() if key in reader.fields else default
            for key, default in _ASKED.items()
        }
    except Exception as error:  # whatever the library stumbles on
        raise UserError(
            f"{name}: cut short or damaged ({first_line(error)}); fetch the file again"
        ) from error
    if fields["split.count"] > 1:
        raise UserError(
            f"{name}: one part of {fields['split.count']}; `llama-gguf-split --merge` makes one "
            "file of them"
        )
    if fields["general.type"] != "model":
        raise UserError(
            f"{name}: a GGUF file of the type {fields['general.type']}; expected a language model"
        )
    known = {*GGUF_SUPPORTED_ARCHITECTURES, *_ALIASES} - {"general", "tokenizer"}
    if (architecture := fields["general.architecture"]) not in known:
        raise UserError(
            f"{name}: transformers does not load the architecture `{architecture}` from GGUF; "
            f"give the model as a folder of safetensors, or one of: {', '.join(sorted(known))}"
        )
    if "tokenizer.ggml.tokens" not in reader.fields:
        raise UserError(f"{name}: the file has no tokenizer; give a file with one")
    kinds: Counter[str] = Counter()
    for tensor in reader.tensors:
        if tensor.tensor_type.name not in kinds:
            _try_reading(name, gguf.dequantize, tensor)
        kinds[tensor.tensor_type.name] += int(tensor.n_elements)
    return kinds


def _try_reading(name: str, dequantize: Callable[[Any, Any], Any], tensor: Any) -> None:
    try:
        dequantize(tensor.data[:1], tensor.tensor_type)
    except NotImplementedError:
        raise UserError(
            f"{name}: its weights are quantised as {tensor.tensor_type.name}, which cannot be "
            "read; give a file with another quantisation, such as Q8_0, Q6_K or Q4_K"
        ) from None


_ASKED: dict[str, Any] = {
    "general.architecture": "",
    "general.type": "model",
    "split.count": 1,
}
"""The fields that are looked at, with the values they have where the file lacks them."""

_ALIASES = ("qwen2moe", "qwen3moe", "gpt-oss", "minimax-m2")
"""Architectures that transformers knows by another name than GGUF does."""
