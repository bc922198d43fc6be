"""The LoRA adapter around the base model in memory: made, loaded and saved through PEFT."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from self_evolution.config import Train
from self_evolution.files import complete
from self_evolution.models.adapter import digest, require_adapter
from self_evolution.models.base.layers import in_attention, linear_layers, require_mlps

WEIGHTS = "adapter_model.safetensors"


def attach(base: Any, tuned: Any, settings: Train, seed: int) -> Any:
    """A PEFT model around `base` with a new adapter; its initial values follow from `seed`."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    _detach(tuned)
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.lora_alpha,
        target_modules=_targets(base, settings.layers),
        bias="none",
        task_type="CAUSAL_LM",
    )
    with _quiet():
        return _quick(get_peft_model(base, config))


def _targets(base: Any, layers: Literal["all", "mlp"]) -> str | list[str]:
    """The layers that PEFT is told to change. Raises UserError as `require_mlps` does."""
    if layers == "all":
        return "all-linear"
    linear = linear_layers(base)
    require_mlps(linear)
    chosen = sorted(name for name in linear if not in_attention(name))
    ends = {name.rpartition(".")[2] for name in chosen}
    # Where attention has layers of such a name too, PEFT needs the whole names.
    others = {name.rpartition(".")[2] for name in linear if in_attention(name)}
    return chosen if ends & others else sorted(ends)


def load(base: Any, tuned: Any, folder: Path, sha256: str = "") -> Any:
    """A PEFT model around `base` with the adapter in `folder`, in place of `tuned`.

    Raises UserError if there is none, or not the one with the digest `sha256`, if given.
    """
    from peft import PeftModel

    require_adapter(folder, WEIGHTS, sha256)
    if tuned is not None and _refilled(tuned, folder):
        return tuned
    _detach(tuned)
    with _quiet():
        return _quick(PeftModel.from_pretrained(base, str(folder), is_trainable=True))


def _quick(tuned: Any) -> Any:
    from self_evolution.models.training.lora_layer import quicken

    quicken(tuned)
    return tuned.eval()


def _refilled(tuned: Any, folder: Path) -> bool:
    """Put the weights of the adapter in `folder` into the layers that are there, if they fit.

    That takes a tenth of the time of making new layers, which counts where a service answers with
    one generation and then with another.
    """
    from peft import PeftConfig, get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    old, new = (
        config.to_dict() | {"inference_mode": None}
        for config in (tuned.active_peft_config, PeftConfig.from_pretrained(str(folder)))
    )
    weights = load_file(folder / WEIGHTS)
    if old != new or weights.keys() != get_peft_model_state_dict(tuned).keys():
        return False
    set_peft_model_state_dict(tuned, weights)
    return True


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence two warnings: PEFT up to 0.21 reads a property that transformers 5.23 deprecates, and
    says which way round it takes the weights of GPT-2's layers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "fan_in_fan_out is set to False", UserWarning)
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        yield


def _detach(tuned: Any) -> None:
    """Remove the LoRA layers from the base model; its weights were never changed."""
    if tuned is not None:
        tuned.unload()


def save(tuned: Any, folder: Path) -> str:
    """Write the adapter in PEFT's format, and return the SHA-256 of its weights.

    No hub is asked, and the model card that PEFT writes beside the weights is left out.
    """
    with complete(folder) as temporary:
        write(tuned, temporary)
        (temporary / "README.md").unlink(missing_ok=True)
    return digest(folder / WEIGHTS)


def write(tuned: Any, folder: Path) -> None:
    """Write the adapter as PEFT does, from the weights that are trained: the others may be in
    parts, or put together for a moment."""
    weights = {name: one for name, one in tuned.named_parameters() if one.requires_grad}
    tuned.save_pretrained(str(folder), state_dict=weights, save_embedding_layers=False)
