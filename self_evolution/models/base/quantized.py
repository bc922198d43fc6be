"""A base whose weights are held in few bits, through bitsandbytes; the adapter is not quantised.

The embeddings and the output layer stay as they are. The number of bits is part of the model's
identity in a run, because every score depends on it.
"""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from self_evolution.config import Model
from self_evolution.errors import UserError

# Where it is installed, PEFT imports it in every run; it then asks for a package that no run needs,
# and says at each product that numbers are rounded to 16 bits.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def check(settings: Model, folder: Path | None) -> None:
    """Raises UserError if the model cannot be held in the bits that are asked for.

    `folder`: where it is; None if it is still to be fetched, and `refuse_few_bits` comes later.
    """
    if settings.quantize == "none":
        return
    given = f"--model.quantize {settings.quantize}"
    if importlib.util.find_spec("bitsandbytes") is None:
        raise UserError(
            f"{given}: the package bitsandbytes is not installed; pip install -c constraints.txt "
            "'self-evolution[quantized]', or leave the weights as they are"
        )
    if folder and (config := folder / "config.json").is_file():
        refuse_few_bits(settings, json.loads(config.read_text(encoding="utf-8")))


def refuse_few_bits(settings: Model, config: Mapping[str, Any]) -> None:
    """Raises UserError if a model that is quantised already would be quantised again.

    A model of text and images has the configuration of its text in a part of its own.
    """
    if settings.quantize == "none":
        return
    parts = (config, config.get("text_config") or {})
    before = next(filter(None, (part.get("quantization_config") for part in parts)), None)
    if before:
        raise UserError(
            f"--model.quantize {settings.quantize}: the weights of {settings.name} are quantised "
            f"already ({before.get('quant_method', 'by an unknown method')}); give the model in "
            "its full format, or leave out --model.quantize"
        )


def options(settings: Model, dtype: Any, device: str) -> dict[str, Any]:
    """What transformers' loader needs so that it quantises while it reads; nothing for `none`.

    Raises UserError for a device that bitsandbytes has no code for.
    """
    if settings.quantize == "none":
        return {}
    if not device.startswith(("cpu", "cuda")):
        raise UserError(
            f"--model.quantize {settings.quantize}: there is no code for the device {device}; "
            "choose --model.device cpu or cuda, or leave the weights as they are"
        )
    from transformers import BitsAndBytesConfig

    how = (
        BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
        if settings.quantize == "nf4"
        else BitsAndBytesConfig(load_in_8bit=True)
    )
    return {"quantization_config": how, "device_map": {"": device}}


def keep_trainable(model: Any) -> None:
    """Have bitsandbytes leave the weights in the order in which training reads them.

    On some CPUs its first answer reorders weights of 4 bits, to answer faster; but training on them
    then fails, and here both take turns.
    """
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False
