"""The LoRA adapter around the base model in memory: made, loaded and saved through PEFT."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from self_evolution.config import Train
from self_evolution.files import complete
from self_evolution.models.adapter import digest, require_adapter

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
        target_modules="all-linear",
        bias="none",
        task_type="CAUSAL_LM",
    )
    with _quiet():
        return _quick(get_peft_model(base, config))


def load(base: Any, tuned: Any, folder: Path, sha256: str = "") -> Any:
    """A PEFT model around `base` with the adapter in `folder`, in place of `tuned`.

    Raises UserError if there is none, or not the one with the digest `sha256`, if given.
    """
    from peft import PeftModel

    require_adapter(folder, WEIGHTS, sha256)
    _detach(tuned)
    with _quiet():
        return _quick(PeftModel.from_pretrained(base, str(folder), is_trainable=True))


def _quick(tuned: Any) -> Any:
    from self_evolution.models.lora_layer import quicken

    quicken(tuned)
    return tuned.eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence a warning: PEFT up to 0.21 reads a property that transformers 5.23 deprecates."""
    with warnings.catch_warnings():
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
        tuned.save_pretrained(str(temporary), safe_serialization=True, save_embedding_layers=False)
        (temporary / "README.md").unlink(missing_ok=True)
    return digest(folder / WEIGHTS)
