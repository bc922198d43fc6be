"""Loading a model and its tokenizer with transformers."""

from __future__ import annotations

import os
from typing import Any

from self_evolution.config import Model
from self_evolution.errors import UserError, first_line
from self_evolution.models.base import quantized
from self_evolution.models.base.location import locate, settle_network

PREPARED_PRODUCTS = "192"
"""Shapes of matrix products in bfloat16 whose preparation is kept. Each takes 2 to 3 MB, and every
other length of a batch has shapes of its own, so oneDNN's default of 1,024 grows to gigabytes."""


def load_tokenizer(settings: Model) -> Any:
    """The model's tokenizer alone. Raises UserError that says what is missing.

    Without `settings.download` there is no call to the network, and for a folder there never is.
    """
    located = locate(settings.name)
    offline = settle_network(settings)
    import transformers

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        return transformers.AutoTokenizer.from_pretrained(
            located, trust_remote_code=False, local_files_only=offline
        )
    except Exception as error:
        raise UserError(
            f"--model {settings.name}: its tokenizer cannot be loaded ({first_line(error)}); "
            "expected tokenizer.json and tokenizer_config.json beside the weights"
        ) from error


def load(settings: Model) -> tuple[Any, Any]:
    """(model in eval mode on its device, tokenizer). Raises UserError that says what is missing.

    Only safetensors are loaded, and no code that comes with a model is run.
    """
    tokenizer = load_tokenizer(settings)
    located = locate(settings.name)
    offline = settle_network(settings)
    # oneDNN reads it when the first product is computed. A value that is set already stays.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", PREPARED_PRODUCTS)
    import torch
    import transformers

    if settings.threads:
        torch.set_num_threads(settings.threads)
    device = choose_device(settings.device)
    dtype = settings.dtype
    if dtype == "auto" and device == "cpu":
        dtype = "float32"
    computed = getattr(torch, "bfloat16" if dtype == "auto" else dtype)
    few_bits = quantized.options(settings, computed, device)
    try:
        if few_bits:  # before its weights are fetched
            config, _ = transformers.PretrainedConfig.get_config_dict(
                located, local_files_only=offline
            )
            quantized.refuse_few_bits(settings, config)
        model, found = transformers.AutoModelForCausalLM.from_pretrained(
            located,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=offline,
            output_loading_info=True,
            **few_bits,
        )
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"--model {settings.name}: cannot be loaded ({first_line(error)}); expected a causal "
            "language model in safetensors that transformers knows without remote code"
        ) from error
    missing = sorted({*found["missing_keys"], *(str(key) for key in found["mismatched_keys"])})
    if missing:
        raise UserError(
            f"--model {settings.name}: {len(missing)} of its weights are missing or of another "
            f"shape than config.json says, such as {missing[0]}; fetch the model again"
        )
    if few_bits:
        quantized.keep_trainable(model)
    else:
        model.to(device)
    return model.eval(), tokenizer


def choose_device(name: str) -> str:
    """The device to use. Raises UserError, with the available devices, if `name` is none of
    them."""
    there = devices()
    if name == "auto":
        return next((kind for kind in ("cuda", "mps") if kind in there), "cpu")
    if name not in there:
        raise UserError(
            f"--model.device {name}: there is no such device here; choose from auto, "
            f"{', '.join(there)}"
        )
    return name


def devices() -> list[str]:
    """The names of the devices of this machine, the CPU first."""
    import torch

    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is None:
        return ["cpu"]
    kind, count = accelerator.type, torch.accelerator.device_count()
    return ["cpu", kind, *(f"{kind}:{i}" for i in range(count))]
